import { expect, it } from 'vitest'
import { shown } from '../analytics/table'
import { adviceTable, arrowsOf, courseOf } from './advice'
import type { Advice } from './types'

const advice: Advice = {
  vehicle_id: 'van-1', from: { lat: 42.5, lon: 1.5 }, to: { lat: 42.6, lon: 1.5 }, cell: '873962234ffffff', expected: 6.04,
  reason: '6 requests expected here and around within 30 min, nobody waits', made_at: '2026-11-30T08:00:00Z', until: '2026-11-30T08:20:00Z',
}

it('points to where it is to go', () => {
  const to = (lat: number, lon: number) => courseOf({ lat: 42.5, lon: 1.5 }, { lat, lon })
  expect([to(42.6, 1.5), to(42.5, 1.6), to(42.4, 1.5), to(42.5, 1.4)]).toEqual([0, 90, 180, 270])
  // A degree of longitude is shorter up there.
  expect(courseOf({ lat: 60, lon: 0 }, { lat: 61, lon: 2 })).toBeCloseTo(45)
})

it('is an arrow from the vehicle to the place', () => {
  const { vehicles, lines } = arrowsOf([advice])
  expect(lines).toEqual([[[1.5, 42.5], [1.5, 42.6]]])
  expect(vehicles.map((m) => [m.id, m.shape, m.lat, m.course])).toEqual([['van-1', 'circle', 42.5, null], ['to van-1', 'triangle', 42.6, 0]])
})

it('is a table too', () => {
  const table = adviceTable([advice], Date.parse('2026-11-30T08:10:00Z'), 'UTC')
  expect(table.columns.map((c, at) => shown(c, table.rows[0]!, at))).toEqual(['van-1', '873962234ffffff', '6.0', advice.reason, '08:00', '08:20'])
})
