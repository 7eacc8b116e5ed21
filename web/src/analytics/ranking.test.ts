import { expect, it } from 'vitest'
import { rankingOf } from './ranking'
import { csvOf, shown } from './table'
import type { Figures, Ranked } from './types'

const figures: Figures = {
  bookings: 2, delivered: 1, cancelled: 0, failed: 1, expired: 0, open: 0, served_ratio: 0.5, assign_mean_s: null, wait_mean_s: 90,
  on_time_ratio: 1, utilisation: 0.25, empty_m: 400, loaded_m: 4200, busy_s: 900, duty_s: 3600, revenue: [], surged: 0, surge_mean: null, surge: [],
}

it('names drivers, keeps their ids for CSV, and has a column for each currency', () => {
  const items: Ranked[] = [
    { key: 'D-1001', figures: { ...figures, revenue: [{ amount_minor: 1240, currency: 'EUR' }] } },
    { key: 'D-1002', figures: { ...figures, bookings: 0, revenue: [{ amount_minor: 300, currency: 'JPY' }] } },
  ]
  const table = rankingOf(items, 'driver', (key) => (key === 'D-1001' ? 'Ana' : key))
  expect(table.rows[0]?.slice(0, 2)).toEqual(['Ana', 2])
  expect(table.columns.map((c) => c.title)).toContain('Revenue, JPY')
  expect(table.columns.map((c, at) => shown(c, table.rows[0]!, at)).slice(3, 11)).toEqual(['50.0 %', '100.0 %', '–', '2 min', '25.0 %', '1 h 00 min', '400 m', '4.2 km'])
  expect(csvOf(table).split('\r\n')[2]).toBe('D-1002,0,1,0.5,1,,90,0.25,3600,400,4200,0,300,D-1002')
})
