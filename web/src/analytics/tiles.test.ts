import { expect, it } from 'vitest'
import { periodOf } from './periods'
import { difference, entries, tilesOf } from './tiles'
import type { Figures } from './types'

const nothing: Figures = {
  bookings: 0, delivered: 0, cancelled: 0, failed: 0, expired: 0, open: 0, served_ratio: null, assign_mean_s: null, wait_mean_s: null,
  on_time_ratio: null, utilisation: null, empty_m: 0, loaded_m: 0, busy_s: 0, duty_s: 0, revenue: [], surged: 0, surge_mean: null, surge: [],
}
const told = (more: Partial<Figures>, waits: number | null = null) => ({ figures: { ...nothing, ...more }, wait_p50_s: waits, wait_p95_s: waits })
const own = (from: string, to: string) => periodOf('own', { from, to }, 0, 'Europe/Lisbon')!
const of = (tiles: ReturnType<typeof tilesOf>, key: string) => tiles.find((t) => t.key === key)!

const COUNT = { show: (n: number) => String(n), relative: true }
const SHARE = { show: String, off: (n: number) => `${(n * 100).toFixed(1)} points` }

it.each([
  [12, 10, COUNT, 'neither', '+2 (+20 %), more', 'none'],
  [8, 10, COUNT, 'neither', '−2 (−20 %), less', 'none'],
  [8, 0, COUNT, 'more', '+8, better', 'better'],
  [0.9, 0.95, SHARE, 'more', '−5.0 points, worse', 'worse'],
  [0.9, 0.95, SHARE, 'less', '−5.0 points, better', 'better'],
  [0.9, 0.90001, SHARE, 'more', 'as before', 'none'],
  [4, null, COUNT, 'more', 'nothing to compare with', 'none'],
] as const)('%s after %s', (now, before, kind, good, text, verdict) => {
  expect(difference(now, before, kind, good)).toEqual({ text, verdict })
})

it('compares nothing with something by saying nothing', () => expect(difference(null, 3, COUNT, 'more')).toBeNull())

it('tells each currency for itself', () => {
  const week = own('2026-10-19', '2026-10-25')
  const now = told({ revenue: [{ amount_minor: 1240, currency: 'EUR' }] })
  const before = told({ revenue: [{ amount_minor: 1000, currency: 'EUR' }, { amount_minor: 300, currency: 'JPY' }] })
  const { values, differences } = of(tilesOf(now, week, before, week.before), 'revenue')
  expect(values).toHaveLength(2)
  expect(values[0]).toMatch(/12[.,]40/)
  expect(values[1]).toMatch(/0$/)
  expect(differences.map((d) => d.text)).toEqual([expect.stringMatching(/^\+.*2[.,]40.* \(\+24 %\), better$/), expect.stringMatching(/^−.*300.* \(−100 %\), worse$/)])
})

it('counts a day on which the clocks change as a day, and its hours as they are', () => {
  const week = own('2026-10-19', '2026-10-25')
  const rate = of(tilesOf(told({ bookings: 70 }), week, null, week.before), 'rate')
  expect([rate.title, rate.values]).toEqual(['Bookings a day', ['10.0']])
  const long = own('2026-10-25', '2026-10-25')
  const hourly = of(tilesOf(told({ bookings: 50 }), long, null, long.before), 'rate')
  expect([hourly.title, hourly.values]).toEqual(['Bookings an hour', ['2.0']])
})

it('says what is not known, and where waits are kept only for all', () => {
  const day = own('2026-06-01', '2026-06-01')
  const tiles = tilesOf(told({ bookings: 3, delivered: 2, open: 1, wait_mean_s: 90 }, 60), day, null, day.before)
  expect(of(tiles, 'on_time').values).toEqual(['–'])
  expect(of(tiles, 'bookings').detail).toBe('2 delivered, 1 open')
  expect(of(tiles, 'wait').detail).toBe('mean; half at most 1 min, 95 of 100 at most 1 min')
  expect(of(tilesOf(told({ wait_mean_s: 90 }), day, null, day.before), 'wait').detail).toBe('mean; how it spreads is kept for the whole depot only')
  expect(tiles.every((t) => t.differences.length === 0)).toBe(true)
  expect([entries(1), entries(1240)]).toEqual(['1 entry', '1,240 entries'])
})

it('tells of demand where prices followed it', () => {
  const day = own('2026-06-01', '2026-06-01')
  const calm = told({ bookings: 9, surge_mean: 1 })
  expect(of(tilesOf(calm, day, null, day.before), 'surge')).toBeUndefined()
  const busy = told({ bookings: 9, surged: 3, surge_mean: 1.125, surge: [{ amount_minor: 450, currency: 'EUR' }] })
  const tile = of(tilesOf(busy, day, calm, day.before), 'surge')
  expect(tile.values).toEqual(['× 1.13'])
  expect(tile.detail).toMatch(/^3 of 9 dearer; .*4[.,]50.* of the revenue$/)
  expect(tile.differences[0]?.text).toBe('+0.13, more')
})
