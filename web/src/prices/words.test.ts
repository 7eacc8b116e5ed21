import { expect, it } from 'vitest'
import json from '../../../src/pricing/full_tariff.json'
import { money } from '../lib/money'
import type { Tariff } from './types'
import { fixedWords, layersOf, limitsWords, moreOf, offWords, ratesTable, roundingWords, surchargesOf, surgeWords, taxWords, timesOf } from './words'

const full = json as unknown as Tariff
const eur = (amount_minor: number) => money({ amount_minor, currency: 'EUR' })

it('lists rates by whom they are for', () => {
  const table = ratesTable(layersOf(full), 'EUR')
  expect(table.rows.map((row) => row[0])).toEqual(['all', 'from zone airport', 'class van', 'class van from zone port', 'class truck'])
  expect(table.rows[0]).toEqual(['all', ...[500, 120, 30, 350, 800].map(eur), `${eur(50)} a minute after 10 min`, 'above 100 kg: 5.00, above 500 kg: 15.00', 'above 2.5 m³: 9.00'])
  expect(table.rows[1]?.slice(0, 3)).toEqual(['from zone airport', eur(900), null])
  const little = ratesTable([['all', { base_minor: 5, weight: [] }]], 'EUR')
  expect([little.columns.map((c) => c.title), little.rows]).toEqual([['For', 'Base', 'Weight'], [['all', eur(5), 'nothing']]])
})

it('says when a surcharge applies, and how much it is', () => {
  expect(surchargesOf(full).map(({ of, surcharge }) => [of, surcharge.label, timesOf(surcharge), moreOf(surcharge, 'EUR')])).toEqual([
    [null, 'Night', 'every day, 22:00 – 06:00 of the next day', '+25 %'],
    [null, 'Weekend and holidays', 'Sat, Sun, 2026-12-24, holidays, all day', '+15 %'],
    ['van', 'Van at night', 'every day, 22:00 – 06:00 of the next day', `+${eur(600)}`],
  ])
  expect(timesOf({ label: 'x', from: '18:00', weekdays: ['friday', 'monday'] })).toBe('Mon, Fri, 18:00 – 24:00')
})

it('says the rest in words', () => {
  expect([roundingWords(full), taxWords(full), surgeWords(full.surge), surgeWords(full.classes?.van?.surge)]).toEqual([
    `to the nearest ${eur(10)}`, 'VAT 20 %, in all amounts already', 'does not count', 'by a factor from 0.9 to 1.5, in steps of 0.1',
  ])
  expect(full.fixed?.map((p) => fixedWords(p, 'EUR'))).toEqual([`airport ⇄ centre: ${eur(3900)}`, `airport → centre: ${eur(4900)} (class van, all in)`])
  expect(offWords({ code: 'A', percent_bp: 1000, most_minor: 500 }, 'EUR')).toBe(`−10 %, at most ${eur(500)}`)
  expect([limitsWords({ code: 'A' }, 'EUR'), limitsWords({ code: 'A', limit_total: 1, limit_per_customer: 2, minimum_price_minor: 5 }, 'EUR')]).toEqual(['without limit', 'once in all, 2 times by a customer, from 0.05 EUR on'])
})
