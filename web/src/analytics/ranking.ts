/** A time broken down, as a table. */
import { distance, duration, percent } from '../lib/format'
import { money } from '../lib/money'
import type { Cell, Column, Table } from './table'
import type { Dimension, Ranked } from './types'

export const BY: Record<Dimension, { title: string; one: string; missing: string }> = {
  vehicle: { title: 'Vehicle', one: 'vehicle', missing: 'Bookings that no vehicle has are in the sums above, and not here.' },
  driver: { title: 'Driver', one: 'driver', missing: 'Bookings of vehicles without a driver on duty are in the sums above, and not here.' },
  customer: { title: 'Customer', one: 'customer', missing: 'Bookings without a customer are in the sums above, and not here.' },
  class: { title: 'Class', one: 'class', missing: 'Bookings of no class are in the sums above, and not here.' },
  cell: { title: 'Cell', one: 'cell', missing: 'A cell is an H3 cell of resolution 7, about 5 km², around the pickup.' },
}

const told = (show: (n: number) => string) => (value: Cell) => (value === null ? '–' : show(Number(value)))
const whole = told((n) => n.toLocaleString('en-GB'))

/** The table by a dimension; revenue has a column for each currency. */
export function rankingOf(items: Ranked[], by: Dimension, nameOf: (key: string) => string): Table {
  const currencies = [...new Set(items.flatMap((r) => r.figures.revenue.map((m) => m.currency)))].sort()
  const number = (key: string, title: string, show: Column['show']): Column => ({ key, title, end: true, show })
  const columns: Column[] = [
    { key: by, title: BY[by].title },
    number('bookings', 'Bookings', whole),
    number('delivered', 'Delivered', whole),
    number('served_ratio', 'Served', told(percent)),
    number('on_time_ratio', 'On time', told(percent)),
    number('assign_mean_s', 'To assign', told(duration)),
    number('wait_mean_s', 'Wait', told(duration)),
    number('utilisation', 'Utilisation', told(percent)),
    number('duty_s', 'On duty', told(duration)),
    number('empty_m', 'Empty', told(distance)),
    number('loaded_m', 'Loaded', told(distance)),
    ...currencies.map((currency) => {
      const title = currencies.length > 1 ? `Revenue, ${currency}` : 'Revenue'
      return number(`revenue_minor_${currency.toLowerCase()}`, title, told((amount_minor) => money({ amount_minor, currency })))
    }),
    { key: `${by}_id`, title: '' },
  ]
  const row = ({ key, figures: f }: Ranked): Cell[] => [
    nameOf(key), f.bookings, f.delivered, f.served_ratio, f.on_time_ratio, f.assign_mean_s, f.wait_mean_s, f.utilisation, f.duty_s, f.empty_m, f.loaded_m,
    ...currencies.map((c) => f.revenue.find((m) => m.currency === c)?.amount_minor ?? 0),
    key,
  ]
  return { title: `By ${BY[by].one}`, columns, rows: items.map(row) }
}
