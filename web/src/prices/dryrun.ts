import type { Column, Table } from '../analytics/table'
import { difference, money } from '../lib/money'
import type { DryRun, Groups, Totals } from './types'

/** "+12.5 %", of the old amount; empty where there was none. */
export function relative(old_minor: number, new_minor: number): string {
  if (old_minor === 0) return ''
  const share = ((new_minor - old_minor) / old_minor) * 100
  return `${share > 0 ? '+' : share < 0 ? '−' : ''}${Math.abs(share).toFixed(1)} %`
}

/** Who would pay what: all, then by class, then by customer. */
export function tableOf(run: DryRun): Table {
  const amount = (value: unknown) => money({ amount_minor: Number(value), currency: run.currency })
  const columns: Column[] = [
    { key: 'of', title: 'Of' },
    { key: 'name', title: 'Name' },
    { key: 'bookings', title: 'Bookings', end: true },
    { key: 'old_minor', title: 'Now', end: true, show: amount },
    { key: 'new_minor', title: 'Then', end: true, show: amount },
    { key: 'difference_minor', title: 'Difference', end: true, show: (v) => difference({ amount_minor: Number(v), currency: run.currency }) },
    { key: 'share', title: 'In %', end: true, show: (_, row) => relative(Number(row[3]), Number(row[4])) },
    { key: 'up', title: 'Pay more', end: true },
    { key: 'down', title: 'Pay less', end: true },
  ]
  const row = (of: string, name: string, t: Totals) => [
    of, name, t.bookings, t.old_minor, t.new_minor, t.new_minor - t.old_minor, t.old_minor === 0 ? null : (t.new_minor - t.old_minor) / t.old_minor, t.up, t.down,
  ]
  const rows = (of: string, none: string, { largest, others, others_totals }: Groups) => [
    ...largest.map(({ name, totals }) => row(of, name ?? none, totals)),
    ...(others > 0 ? [row(of, `${others.toLocaleString('en-GB')} more`, others_totals)] : []),
  ]
  return {
    title: 'Who would pay what',
    columns,
    rows: [row('all', 'All bookings', run.all), ...rows('class', 'No class', run.by_class), ...rows('customer', 'No customer', run.by_customer)],
  }
}

/** What a dry run comes to, in a sentence. */
export function sentenceOf({ all, currency }: DryRun): string {
  const amount = (amount_minor: number) => money({ amount_minor, currency })
  const by = all.new_minor - all.old_minor
  const same = all.bookings - all.up - all.down
  const total = by === 0 ? `they come to ${amount(all.old_minor)} by both` : `they come to ${amount(all.new_minor)} in place of ${amount(all.old_minor)}, ${[difference({ amount_minor: by, currency }), relative(all.old_minor, all.new_minor)].filter(Boolean).join(' or ')}`
  return `Of ${all.bookings.toLocaleString('en-GB')} ${all.bookings === 1 ? 'booking' : 'bookings'} ${all.up} would cost more, ${all.down} less and ${same} the same; ${total}.`
}
