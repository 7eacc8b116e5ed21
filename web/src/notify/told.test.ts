import { describe, expect, it } from 'vitest'
import { aged, gathered, MOST, ofDeliveries, ofStory, parsed, type Told } from './told'
import type { Delivery } from './types'

const told = (id: string, more: Partial<Told> = {}): Told => ({ id, at: `2026-05-30T12:00:0${id}.000Z`, subject: `s${id}`, read: false, ...more })

describe('messages for staff', () => {
  it('are found in the story of a booking', () => {
    const event = { seq: 1, at: '2026-05-30T12:00:00Z', actor: 'system' }
    const data = { subject: 'Late', text: 'By 5 min', delivery_id: 'd1', rule_id: 'r1' }
    const story = [
      { ...event, kind: 'placed', data: { delivery_id: 'x' } },
      { ...event, kind: 'sent', data },
      { ...event, kind: 'sent', vehicle_id: 'van-1', data: { ...data, delivery_id: 'd2' } },
      { ...event, kind: 'sent' },
    ]
    expect(ofStory('b1', story)).toEqual([{ id: 'd1', at: event.at, subject: 'Late', text: 'By 5 min', booking: 'b1', read: false }])
  })
  it('are found among deliveries', () => {
    const one: Delivery = { id: 'd1', channel: 'message', endpoint: 'message', subject: 'Late', state: 'sent', attempts: 1, log: [], created_at: '1', done_at: '2', booking_id: 'b1' }
    const others: Delivery[] = [{ ...one, recipient: 'van-1' }, { ...one, state: 'waiting' }, { ...one, channel: 'mail' }]
    expect(ofDeliveries([one, ...others])).toEqual([{ id: 'd1', at: '2', subject: 'Late', booking: 'b1', read: false }])
  })
})

describe('what came', () => {
  it('is put before what is kept, each once', () => {
    expect(gathered([told('2'), told('1')], [told('3'), told('2')]).map((t) => t.id)).toEqual(['3', '2', '1'])
  })
  it('does not make unread what was read, nor forget a text', () => {
    expect(gathered([told('1', { read: true, text: 'all of it' })], [told('1')])).toEqual([told('1', { read: true, text: 'all of it' })])
    expect(gathered([told('1', { read: true })], [told('1', { text: 'all of it' })])[0]?.text).toBe('all of it')
  })
  it('has a bound', () => {
    const many = Array.from({ length: MOST + 9 }, (_, n) => told('1', { id: `${n}`, at: new Date(n).toISOString() }))
    const kept = gathered([], many)
    expect([kept.length, kept[0]?.id]).toEqual([MOST, `${MOST + 8}`])
  })
  it('is no news when it is old', () => {
    const [young, old] = aged([told('2'), told('1', { at: '2026-05-01T12:00:00Z' })], Date.parse('2026-05-30T13:00:00Z'))
    expect([young?.read, old?.read]).toEqual([false, true])
  })
})

it('reads what it kept, and not what it cannot', () => {
  const kept = { items: [told('1')], looked: '2026-05-30T12:00:00Z' }
  expect(parsed(JSON.stringify(kept))).toEqual(kept)
  expect(parsed(JSON.stringify({ items: [told('1'), { id: 5 }, null] }))).toEqual({ items: [told('1')], looked: '' })
  for (const none of [null, '', '{', '[]', 'null', '{"items":5}']) expect(parsed(none)).toBeNull()
})
