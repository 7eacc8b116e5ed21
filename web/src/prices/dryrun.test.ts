import { expect, it } from 'vitest'
import { csvOf, shown } from '../analytics/table'
import { relative, sentenceOf, tableOf } from './dryrun'
import { money } from '../lib/money'
import type { DryRun } from './types'

const run: DryRun = {
  currency: 'EUR',
  all: { bookings: 4, up: 1, down: 2, old_minor: 6000, new_minor: 5750 },
  by_class: {
    largest: [
      { name: 'van', totals: { bookings: 2, up: 0, down: 2, old_minor: 5000, new_minor: 4250 } },
      { name: null, totals: { bookings: 2, up: 1, down: 0, old_minor: 1000, new_minor: 1500 } },
    ],
    others: 0,
    others_totals: { bookings: 0, up: 0, down: 0, old_minor: 0, new_minor: 0 },
  },
  by_customer: {
    largest: [{ name: '=acme', totals: { bookings: 1, up: 0, down: 0, old_minor: 0, new_minor: 0 } }],
    others: 1234,
    others_totals: { bookings: 3, up: 1, down: 2, old_minor: 6000, new_minor: 5750 },
  },
  changes: [],
}
const eur = (amount_minor: number) => money({ amount_minor, currency: 'EUR' })

it('has a row for all, each class and each customer, and those beyond the list together', () => {
  const table = tableOf(run)
  expect(table.rows.map((row) => [row[0], row[1], row[2], row[5], row[7], row[8]])).toEqual([
    ['all', 'All bookings', 4, -250, 1, 2], ['class', 'van', 2, -750, 0, 2], ['class', 'No class', 2, 500, 1, 0], ['customer', '=acme', 1, 0, 0, 0], ['customer', '1,234 more', 3, -250, 1, 2],
  ])
  const read = (at: number) => table.columns.map((column, i) => shown(column, table.rows[at] ?? [], i))
  expect(read(2).slice(3, 7)).toEqual([eur(1000), eur(1500), `+${eur(500)}`, '+50.0 %'])
  expect(read(3).slice(3, 7)).toEqual([eur(0), eur(0), eur(0), ''])
  expect(csvOf(table).split('\r\n').slice(0, 2)).toEqual(['of,name,bookings,old_minor,new_minor,difference_minor,share,up,down', 'all,All bookings,4,6000,5750,-250,-0.041666666666666664,1,2'])
})

it('says it in a sentence', () => {
  expect(sentenceOf(run)).toBe(`Of 4 bookings 1 would cost more, 2 less and 1 the same; they come to ${eur(5750)} in place of ${eur(6000)}, ${eur(-250)} or −4.2 %.`)
  const same = { ...run, all: { bookings: 1, up: 0, down: 0, old_minor: 500, new_minor: 500 } }
  expect(sentenceOf(same)).toBe(`Of 1 booking 0 would cost more, 0 less and 1 the same; they come to ${eur(500)} by both.`)
  expect([relative(0, 5), relative(100, 100), relative(100, 150)]).toEqual(['', '0.0 %', '+50.0 %'])
})
