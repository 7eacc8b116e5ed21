import { describe, expect, it } from 'vitest'
import { aged, gathered, MOST, parsed, type Told, toldOf } from './told'

const told = (id: string, more: Partial<Told> = {}): Told => ({ id, at: `2026-05-30T12:00:0${id}.000Z`, subject: `s${id}`, text: 't', read: false, ...more })

it('is a message as it came, unread', () => {
  const message = { seq: 4, id: 'd1', at: '2026-05-30T12:00:00Z', subject: 'Late', text: 'By 5 min', booking_id: 'b1' }
  expect(toldOf(message)).toEqual({ id: 'd1', at: message.at, subject: 'Late', text: 'By 5 min', booking: 'b1', read: false })
})

describe('what came', () => {
  it('is put before what is kept, each once', () => {
    expect(gathered([told('2'), told('1')], [told('3'), told('2')]).map((t) => t.id)).toEqual(['3', '2', '1'])
  })
  it('does not make unread what was read', () => {
    expect(gathered([told('1', { read: true })], [told('1')])).toEqual([told('1', { read: true })])
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
