import { describe, expect, it } from 'vitest'
import type { Delivery } from './types'
import { attemptWords, hears, hookLook, outcome, renewed, toWords } from './words'

const NOW = Date.parse('2026-05-30T12:00:00Z')
const delivery: Delivery = {
  id: 'd1', channel: 'webhook', endpoint: 'webhook:w1', subject: 'booking.placed', state: 'waiting', attempts: 0, log: [], created_at: '2026-05-30T11:00:00Z',
}

describe('an attempt', () => {
  it.each([
    [{ status: 200, ms: 12 }, '200 in 12 ms'],
    [{ status: 500, ms: 3, error: 'answered 500' }, '500 in 3 ms: answered 500'],
    [{ ms: 4, error: 'the connection was refused' }, 'the connection was refused (4 ms)'],
    [{ ms: 0, status: 0 }, 'taken in 0 ms'],
  ])('%j', (attempt, said) => expect(attemptWords({ at: '', ...attempt })).toBe(said))
})

describe('a delivery', () => {
  it('says to whom it goes', () => {
    const hooks = [{ id: 'w1', name: 'ERP' }]
    const to = (more: Partial<Delivery>) => toWords({ ...delivery, ...more }, hooks)
    expect(to({})).toBe('webhook ERP')
    expect(to({ endpoint: 'webhook:gone' })).toBe('webhook gone')
    expect(to({ channel: 'mail', endpoint: 'mail', recipient: 'a@example.com' })).toBe('a@example.com')
    expect(to({ channel: 'gateway', endpoint: 'gateway:sms', recipient: '+33123' })).toBe('+33123 by sms')
    expect(to({ channel: 'message', endpoint: 'message', recipient: 'van-1' })).toBe('driver of van-1')
    expect(to({ channel: 'message', endpoint: 'message' })).toBe('staff at the console')
  })
  it('says what came of it', () => {
    const of = (more: Partial<Delivery>) => outcome({ ...delivery, ...more }, 'UTC', NOW)
    expect(of({})).toBe('is due')
    expect(outcome({ ...delivery, next_at: '2026-05-30T12:05:00Z' }, 'UTC', NOW, true)).toBe('waits until the webhook is resumed')
    expect(of({ attempts: 2, last_error: 'answered 500', next_at: '2026-05-30T12:05:00Z' })).toBe('answered 500, next at 12:05, after 2 attempts')
    expect(of({ state: 'sent', done_at: '2026-05-30T11:01:00Z' })).toBe('11:01')
    expect(of({ state: 'dead', last_error: 'the webhook was taken away' })).toBe('the webhook was taken away')
  })
})

it('a webhook that fails is not well, though it is on', () => {
  expect(hookLook({ state: 'on' }).word).toBe('on')
  expect(hookLook({ state: 'on', failing_since: '2026-05-30T11:00:00Z' }).word).toBe('failing')
  expect(hookLook({ state: 'paused', failing_since: '2026-05-30T11:00:00Z' }).word).toBe('paused')
  expect([hears([]), hears(['booking.*', 'duty.started'])]).toEqual(['everything', 'booking.*, duty.started'])
})

describe('a first page that is read again', () => {
  const of = (ids: string) => [...ids].map((id) => ({ id }))
  const ids = (items: { id: string }[]) => items.map((d) => d.id).join('')
  it('keeps what was read after it', () => {
    const { items, next } = renewed({ items: of('dcba'), next: 'x' }, { items: of('edc'), next: 'y' })
    expect([ids(items), next]).toEqual(['edcba', 'x'])
  })
  it('drops what is not there any more', () => {
    const { items, next } = renewed({ items: of('dcba'), next: 'x' }, { items: of('db'), next: 'y' })
    expect([ids(items), next]).toEqual(['dba', 'x'])
  })
  it('begins anew where all is new, or where it is all there is', () => {
    expect(renewed({ items: of('ba'), next: 'x' }, { items: of('fe'), next: 'y' })).toEqual({ items: of('fe'), next: 'y' })
    expect(renewed({ items: of('cba'), next: 'x' }, { items: of('c'), next: null })).toEqual({ items: of('c'), next: null })
    expect(renewed({ items: of('ba'), next: 'x' }, { items: [], next: null })).toEqual({ items: [], next: null })
    expect(renewed({ items: of('cb'), next: 'x' }, { items: of('dcb'), next: 'y' })).toEqual({ items: of('dcb'), next: 'y' })
  })
})
