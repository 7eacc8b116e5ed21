/** Tables of the depot over a time. */
import { distance, duration, percent, when } from '../lib/format'
import { money } from '../lib/money'
import type { Cell, Table } from './table'
import type { ReportTable } from './types'

export const REPORTS: [name: string, title: string, about: string][] = [
  ['operations', 'Operations', 'What happened on each day'],
  ['drivers', 'Drivers', 'Hours, ways and deliveries of each'],
  ['customers', 'Customers', 'What each booked, and what it cost'],
  ['unserved', 'Unserved demand', 'Where and when nobody came'],
  ['devices', 'Devices', 'How each is doing now'],
]

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
/** Amounts of minor units, like `1240 EUR + 300 JPY`. */
const AMOUNTS = /^-?\d+ [A-Z]{3}( \+ -?\d+ [A-Z]{3})*$/

function amounts(text: string): string {
  return text.split(' + ').map((part) => {
    const [amount_minor, currency = ''] = part.split(' ')
    return money({ amount_minor: Number(amount_minor), currency })
  }).join(' + ')
}

/** The table to be read: durations, ways, shares and money as everywhere, times by the depot's clocks. */
export function tableOfReport({ title, columns, rows }: ReportTable, zone?: string): Table {
  const currencyAt = columns.findIndex((c) => c.key === 'currency')
  const show = (unit: string | undefined) => (value: Cell, row: Cell[]): string => {
    if (value === null) return ''
    if (typeof value === 'string') {
      if (unit === 'minor' && AMOUNTS.test(value)) return amounts(value)
      return INSTANT.test(value) ? when(value, zone) : value
    }
    if (unit === 's') return duration(value)
    if (unit === 'm') return distance(value)
    if (unit === '%') return percent(value)
    const currency = row[currencyAt]
    if (unit === 'minor' && typeof currency === 'string') return money({ amount_minor: value, currency })
    return value.toLocaleString('en-GB', { maximumFractionDigits: 4 })
  }
  const number = (at: number) => rows.some((row) => typeof row[at] === 'number')
  return { title, columns: columns.map(({ key, title, unit }, at) => ({ key, title, end: unit !== undefined || number(at), show: show(unit) })), rows }
}
