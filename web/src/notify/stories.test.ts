import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Stories } from './stories'
import type { Told } from './told'

let asked: string[]
let atOnce: number
let most: number
beforeEach(() => {
  vi.useFakeTimers()
  ;[asked, atOnce, most] = [[], 0, 0]
  vi.stubGlobal('fetch', async (url: string) => {
    const booking = /bookings\/(\w+)\/events/.exec(url)?.[1] ?? ''
    asked.push(booking)
    most = Math.max(most, (atOnce += 1))
    await new Promise((done) => setTimeout(done, 10))
    atOnce -= 1
    if (booking === 'gone') return new Response('{}', { status: 404 })
    const items = [{ seq: 1, at: '2026-05-30T12:00:00Z', kind: 'sent', actor: 'system', data: { delivery_id: `d-${booking}`, subject: 's', text: 't' } }]
    return new Response(JSON.stringify({ items, next: null }))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('each booking is asked for once, one after the other, and one that is refused does not stop the rest', async () => {
  const found: Told[] = []
  const stories = new Stories((told) => found.push(...told))
  stories.look(['a', 'gone'])
  stories.look(['a', 'b'])
  expect(asked).toEqual([])
  await vi.advanceTimersByTimeAsync(1000)
  expect([asked, most]).toEqual([['gone', 'a', 'b'], 1])
  expect(found.map((told) => told.booking)).toEqual(['a', 'b'])
})

test('what is named while it reads is read after it', async () => {
  const stories = new Stories(() => {})
  stories.look(['a'])
  await vi.advanceTimersByTimeAsync(405)
  stories.look(['a', 'b'])
  await vi.advanceTimersByTimeAsync(1000)
  expect(asked).toEqual(['a', 'a', 'b'])
})

test('of too many those named first are left out', async () => {
  const stories = new Stories(() => {})
  stories.look(Array.from({ length: 205 }, (_, n) => `b${n}`))
  await vi.advanceTimersByTimeAsync(10_000)
  expect([asked.length, asked[0]]).toEqual([200, 'b5'])
})

test('after it was stopped nothing is asked or told', async () => {
  const found: Told[] = []
  const stories = new Stories((told) => found.push(...told))
  stories.look(['a', 'b'])
  await vi.advanceTimersByTimeAsync(405)
  stories.stop()
  await vi.advanceTimersByTimeAsync(1000)
  stories.look(['c'])
  await vi.advanceTimersByTimeAsync(1000)
  expect([asked, found]).toEqual([['a'], []])
})
