/** How well it was forecast, day by day. */
import type { Cell, Column, Table } from '../analytics/table'
import { count, percent } from '../lib/format'
import type { Errors, ForecastDay } from './types'

const decimal = (n: Cell) => (n === null ? '–' : Number(n).toFixed(1))
const share = (n: Cell) => (n === null ? '–' : percent(Number(n)))

/** In all, then of the busy cells. */
export function accuracyTable(days: ForecastDay[]): Table {
  const columns = (of: string, called: string): Column[] => [
    { key: `${of}_requests`, title: `${called} an hour`, end: true, show: decimal },
    { key: `${of}_error`, title: 'Off by', end: true, show: decimal },
    { key: `${of}_covered`, title: 'Within', end: true, show: share },
  ]
  const row = (e: Errors | undefined): Cell[] => (e ? [e.requests, e.error, e.covered] : [null, null, null])
  return {
    title: 'How good the forecasts were',
    columns: [{ key: 'day', title: 'Day' }, ...columns('all', 'Requests'), ...columns('cell', 'In a busy cell')],
    rows: days.map(({ day, all, cells }) => [day, ...row(all), ...row(cells)]),
  }
}

/** In a sentence, each hour counting as much as any other; empty where none is counted. */
export function accuracyWords(days: ForecastDay[]): string {
  const all = days.flatMap((d) => (d.all ? [d.all] : []))
  const sum = (of: (e: Errors) => number, from = all) => from.reduce((n, e) => n + of(e) * e.hours, 0) / from.reduce((n, e) => n + e.hours, 0)
  if (all.length === 0) return ''
  const compared = all.filter((e) => e.last_week_error !== undefined)
  const last = compared.length > 0 ? `; as the week before it would have been ${sum((e) => e.last_week_error ?? 0, compared).toFixed(1)}` : ''
  return `On ${count(all.length, 'day')} a forecast was off by ${sum((e) => e.error).toFixed(1)} of ${sum((e) => e.requests).toFixed(1)} requests an hour${last}. ${percent(sum((e) => e.covered))} of the hours were within the interval, which is to hold four times out of five.`
}
