import { expect, it } from 'vitest'
import { isBlank, labelsOf, plotsOf, tableOf } from './plots'
import { csvOf, shown } from './table'
import type { Figures, Point } from './types'

const figures: Figures = {
  bookings: 0, delivered: 0, cancelled: 0, failed: 0, expired: 0, open: 0, served_ratio: null, assign_mean_s: null, wait_mean_s: null,
  on_time_ratio: null, utilisation: null, empty_m: 0, loaded_m: 0, busy_s: 0, duty_s: 0, revenue: [], surged: 0, surge_mean: null, surge: [],
}
const hours = (first: string, many: number, of: (i: number) => Partial<Figures> = () => ({})): Point[] =>
  Array.from({ length: many }, (_, i) => {
    const from = Date.parse(first) + i * 3_600_000
    return { from: new Date(from).toISOString(), to: new Date(from + 3_600_000).toISOString(), figures: { ...figures, ...of(i) } }
  })

it('tells the hour that the clocks show twice by its offset', () => {
  const labels = labelsOf(hours('2026-10-24T23:00:00Z', 4), 'hour', 'Europe/Lisbon')
  expect(labels.map((l) => l.full)).toEqual(['25 Oct 00:00', '25 Oct 01:00 +01:00', '25 Oct 01:00 +00:00', '25 Oct 02:00'])
})

it('names the day at midnight where there are several', () => {
  const labels = labelsOf(hours('2026-06-01T22:00:00Z', 48), 'hour', 'UTC')
  expect(labels.slice(1, 4).map((l) => l.brief)).toEqual(['23:00', '2 Jun', '01:00'])
  expect(labelsOf(hours('2026-06-01T00:00:00Z', 1), 'week', 'UTC')[0]?.full).toBe('week of 1 Jun')
})

it('has a plot for each currency, and one is blank where nothing was', () => {
  const points = hours('2026-06-01T00:00:00Z', 2, (i) => ({ revenue: [{ amount_minor: 1240 * i, currency: 'EUR' }, { amount_minor: 3, currency: 'JPY' }] }))
  const plots = plotsOf(points)
  expect(plots.map((p) => p.title).slice(-2)).toEqual(['Revenue, EUR', 'Revenue, JPY'])
  expect(plots.filter((p) => !isBlank(p)).map((p) => p.key)).toEqual(['revenue_eur', 'revenue_jpy'])
  // A share of 0 is a figure; no pickup at all is none.
  expect(isBlank(plotsOf(hours('2026-06-01T00:00:00Z', 1, () => ({ on_time_ratio: 0 })))[1]!)).toBe(false)
})

it('is a table too', () => {
  const points = hours('2026-06-01T08:00:00Z', 2, (i) => (i === 0 ? { on_time_ratio: 0.5 } : {}))
  const [, shares] = plotsOf(points)
  const table = tableOf(shares!, points, labelsOf(points, 'hour', 'UTC'), 'hour')
  expect(table.rows.map((row) => table.columns.map((c, at) => shown(c, row, at)))).toEqual([['1 Jun 08:00', '50.0 %', '–'], ['1 Jun 09:00', '–', '–']])
  expect(csvOf(table)).toBe('from,on_time_ratio,served_ratio\r\n2026-06-01T08:00:00.000Z,0.5,\r\n2026-06-01T09:00:00.000Z,,\r\n')
})
