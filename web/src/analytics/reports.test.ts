import { expect, it } from 'vitest'
import { tableOfReport } from './reports'
import { csvOf, shown } from './table'
import type { ReportTable } from './types'

const read = (report: Pick<ReportTable, 'columns' | 'rows'>) => {
  const table = tableOfReport({ name: 'x', title: 'X', ...report }, 'Europe/Lisbon')
  return table.rows.map((row) => table.columns.map((c, at) => shown(c, row, at)))
}

it('shows each value by its unit', () => {
  const columns: ReportTable['columns'] = [
    { key: 'day', title: 'Day' }, { key: 'n', title: 'Bookings' }, { key: 'wait', title: 'Wait', unit: 's' }, { key: 'way', title: 'Way', unit: 'm' }, { key: 'share', title: 'Share', unit: '%' },
  ]
  expect(read({ columns, rows: [['2026-06-01', 1240, 90, 4200, 0.5], ['2026-06-02', 0, null, 0, null]] })).toEqual([
    ['2026-06-01', '1,240', '2 min', '4.2 km', '50.0 %'],
    ['2026-06-02', '0', '', '0 m', ''],
  ])
  const table = tableOfReport({ name: 'x', title: 'X', columns, rows: [['2026-06-01', 1, 90, 4200, 0.5]] })
  expect(table.columns.map((c) => c.end)).toEqual([false, true, true, true, true])
  expect(csvOf(table)).toBe('day,n,wait,way,share\r\n2026-06-01,1,90,4200,0.5\r\n')
})

it('shows money of a currency of its own, and several in one', () => {
  const columns: ReportTable['columns'] = [{ key: 'revenue', title: 'Revenue', unit: 'minor' }, { key: 'currency', title: 'Currency' }]
  const [[sum, currency] = [], [several] = []] = read({ columns, rows: [[1240, 'EUR'], ['1240 EUR + 300 JPY', null]] })
  expect(sum).toMatch(/12[.,]40/)
  expect(currency).toBe('EUR')
  expect(several).toMatch(/12[.,]40.* \+ .*300/)
})

it('tells times by the clocks of the depot', () => {
  expect(read({ columns: [{ key: 'at', title: 'At' }], rows: [['2020-06-01T08:30:00.000Z'], ['at 2020-06-01T08:30:00Z']] })).toEqual([['1 Jun 09:30'], ['at 2020-06-01T08:30:00Z']])
})
