import { afterEach, describe, expect, it, vi } from 'vitest'
import { Refused } from '../lib/api'
import { hookForm, hookOf } from './hook'
import { overtaken } from './meanwhile'
import type { Webhook } from './types'

const hook: Webhook = { id: 'w1', name: 'ERP', url: 'https://erp.example.com/', events: ['duty.*'], state: 'on', created_at: '2026-05-30T12:00:00Z', version: 3 }

describe('a webhook in a form', () => {
  it('comes out as it was', () => {
    expect(hookOf(hookForm(hook))).toEqual({ name: 'ERP', url: hook.url, events: ['duty.*'] })
    expect(hookOf(hookForm({ ...hook, events: [] })).events).toEqual([])
  })
  it('hears of everything whatever was chosen before, and is named after its host without a name', () => {
    expect(hookOf({ ...hookForm(hook), every: true, name: ' ' })).toEqual({ url: hook.url, events: [] })
    expect(hookForm().every).toBe(true)
  })
})

describe('somebody else’s change', () => {
  afterEach(() => vi.unstubAllGlobals())
  const stale = new Refused(412, 'stale')
  const answer = (now: Webhook) => vi.stubGlobal('fetch', async () => new Response(JSON.stringify(now)))

  it('is taken over, and what was typed stays', async () => {
    answer({ ...hook, url: 'https://new.example.com/', version: 4 })
    const { now, form, refusal } = await overtaken(stale, '/webhooks/w1', hookForm, hook, { ...hookForm(hook), name: 'Mine' })
    expect([now.version, form.name, form.url]).toEqual([4, 'Mine', 'https://new.example.com/'])
    expect(refusal.message).not.toMatch(/both/)
  })
  it('to the same field is told', async () => {
    answer({ ...hook, name: 'Theirs', version: 4 })
    const { form, refusal } = await overtaken(stale, '/webhooks/w1', hookForm, hook, { ...hookForm(hook), name: 'Mine' })
    expect(form.name).toBe('Mine')
    expect(refusal.message).toMatch(/You both changed name\./)
  })
  it('is not what another refusal is about', async () => {
    const other = new Refused(422, 'invalid')
    await expect(overtaken(other, '/webhooks/w1', hookForm, hook, hookForm(hook))).rejects.toBe(other)
  })
})
