import { afterEach, expect, test, vi } from 'vitest'
import { depot, of } from './line'
import type { Step } from './types'

afterEach(() => vi.unstubAllGlobals())
const STEP: Step = { id: 'i', driver: 'D-1', booking_id: 'b', ref: 'B-1', step: 'delivered', at: '2026-03-01T09:00:00Z', proof: { pin: '1234' } }
const answer = (status: number, body: unknown) => vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(body), { status })))

test('what became of a step is read from the answer that names it', async () => {
  expect(of('i', { items: [{ id: 'h', ok: false }, { id: 'i', ok: true, status: 'arrived' }] })).toEqual({ kind: 'ok' })
  expect(of('i', { items: [{ id: 'i', ok: false, error: 'it was cancelled' }] })).toEqual({ kind: 'refused', why: 'it was cancelled' })
  expect(of('i', { items: [{ id: 'i', ok: false, error: 'not all is right', errors: [{ field: 'proof.photos', message: 'is required' }] }] })).toEqual({ kind: 'refused', why: 'not all is right; proof.photos is required' })
  for (const nothing of [undefined, {}, { items: [{ id: 'other', ok: true }] }, 'Welcome to the hotel']) expect(of('i', nothing)).toEqual({ kind: 'away' })
})

test('a step is sent as it was made, and no more of it', async () => {
  answer(200, { items: [{ id: 'i', ok: true }] })
  expect(await depot.step(STEP)).toEqual({ kind: 'ok' })
  const [path, { body }] = vi.mocked(fetch).mock.calls[0] as unknown as [string, { body: string }]
  expect(path).toBe('/api/v1/drivers/me/steps')
  expect(JSON.parse(body)).toEqual({ steps: [{ id: 'i', booking_id: 'b', step: 'delivered', at: '2026-03-01T09:00:00Z', proof: { pin: '1234' } }] })
})

test.each([
  [401, { kind: 'stranger' }], [429, { kind: 'away' }], [503, { kind: 'trouble' }], [409, { kind: 'refused', why: 'it was cancelled' }],
])('status %i', async (status, told) => {
  answer(status, { detail: 'it was cancelled' })
  expect(await depot.step(STEP)).toEqual(told)
})

test('no line is no answer', async () => {
  vi.stubGlobal('fetch', vi.fn(() => Promise.reject(new TypeError('Failed to fetch'))))
  expect(await depot.upload({ id: 'p', blob: new Blob(['x'], { type: 'image/jpeg' }), sent: false })).toEqual({ kind: 'away' })
})
