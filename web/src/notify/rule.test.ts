import { describe, expect, it } from 'vitest'
import { meant, PLACEHOLDERS } from './catalogue'
import { inserted, keepsTo, lacks, ruleForm, ruleOf, ruleWords, through, WHO } from './rule'
import { STARTERS } from './starters'
import type { Rule } from './types'

const rule: Rule = {
  id: 'r1', name: 'Night', enabled: true, events: ['booking.late', 'duty.*'], who: 'addresses', to: ['a@example.com', 'b@example.com'], channel: 'mail',
  language: 'de', subject: 'Late', text: 'By {late} min', quiet: { hours: '22:00-06:30', then: 'drop' }, limit: { count: 2, per_min: 30 }, digest_min: 15,
  created_at: '2026-05-30T12:00:00Z', version: 4,
}

describe('a rule in a form', () => {
  it('comes out as it was', () => {
    const { id: _, enabled: _e, created_at: _c, version: _v, ...body } = rule
    expect(ruleOf(ruleForm(rule))).toEqual({ ...body, gateway: null })
  })
  it('takes away what is not wanted any more', () => {
    const form = { ...ruleForm(rule), quiet: false, limited: false, digest: false, who: 'customer' as const, subject: ' ' }
    expect(ruleOf(form)).toMatchObject({ to: null, quiet: null, limit: null, digest_min: null, subject: null })
  })
  it('reads addresses between commas and lines', () => {
    expect(ruleOf({ ...ruleForm(rule), to: ' a@b.c,\n\n+33 1 23 45\nd@e.f ' }).to).toEqual(['a@b.c', '+33 1 23 45', 'd@e.f'])
  })
  it('has hours that fields of times take', () => {
    const { quiet_from, quiet_until } = ruleForm({ quiet: { hours: '8:00-24:00', then: 'wait' } })
    expect([quiet_from, quiet_until]).toEqual(['08:00', '00:00'])
  })
  it('tells nobody by a channel that does not reach him', () => {
    expect(through(ruleForm(rule), 'message').who).toBe('staff')
    expect(through({ ...ruleForm(), who: 'driver' }, 'message').who).toBe('driver')
    expect(ruleOf(through(ruleForm(rule), 'message'))).toMatchObject({ to: null, digest_min: null, channel: 'message' })
  })
  it('says what it lacks', () => {
    expect(lacks(ruleForm(rule))).toBe('')
    expect(lacks(ruleForm())).toMatch(/happen/)
    expect(lacks({ ...ruleForm(rule), subject: '' })).toMatch(/subject/)
    expect(lacks({ ...ruleForm(rule), to: ' , ' })).toMatch(/address/)
  })
})

it('is told in a few words', () => {
  expect(ruleWords(rule)).toBe('booking.late, duty.* → a@example.com, b@example.com, by mail')
  expect(ruleWords({ events: ['booking.assigned'], who: 'customer', channel: 'gateway', gateway: 'sms' })).toBe('booking.assigned → the customer, through the gateway sms')
  expect(ruleWords({ events: ['booking.expired'], who: 'staff', channel: 'message' })).toBe('booking.expired → staff, at the console')
  expect(ruleWords({ events: ['booking.late'], who: 'driver', channel: 'message' })).toBe('booking.late → the driver, in the cab')
  expect(ruleWords({ events: ['booking.late'], who: 'addresses', channel: 'mail' })).toBe('booking.late → addresses, by mail')
  expect(keepsTo(rule)).toEqual(['quiet 22:00 – 06:30: it is not said', 'at most 2 in 30 min to one recipient', 'collected for 15 min into one letter'])
  expect(keepsTo({})).toEqual([])
})

it('puts a placeholder where the cursor is', () => {
  expect(inserted('at  now', 3, 3, '{eta}')).toEqual({ text: 'at {eta} now', at: 8 })
  expect(inserted('at noon', 3, 7, '{eta}')).toEqual({ text: 'at {eta}', at: 8 })
})

describe.each(STARTERS)('the ready-made rule “$name”', (starter) => {
  it('lacks nothing that only its author knows', () => {
    const form = ruleForm(starter)
    expect(meant(starter.events).length).toBeGreaterThanOrEqual(starter.events.length)
    expect(WHO[starter.channel]).toContain(starter.who)
    expect(lacks(starter.who === 'addresses' ? { ...form, to: 'a@example.com' } : form)).toBe('')
    const used = [...`${starter.subject} ${starter.text}`.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name)
    expect(used.filter((name) => !(name! in PLACEHOLDERS))).toEqual([])
  })
})
