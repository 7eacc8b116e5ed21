import { expect, it } from 'vitest'
import { agreedWords, contractForm, contractOf, validWords } from './contract'
import { promoForm, promoOf } from './promo'
import type { Contract, Promo } from './types'

const contract: Contract = {
  customer: 'Bakery', label: 'Framework 2026', valid_from: '2026-01-01', valid_until: '2026-12-31', discount_bp: 1250, without_surge: true,
  rates: { base_minor: 400, weight: [] }, classes: { van: { per_km_minor: 90 } }, fixed: [{ from: 'a', to: 'b', amount_minor: 3900, both_ways: true }],
}
const promos: Promo[] = [
  { code: 'SPRING-5', percent_bp: 500, most_minor: 1000, valid_from: '2026-03-01T00:00:00.000Z', valid_until: '2026-06-01T00:00:00.000Z', limit_total: 100, limit_per_customer: 1, minimum_price_minor: 2000 },
  { code: 'FIVE', amount_minor: 500 },
]

it('brings a contract through a form unchanged, and says it in words', () => {
  expect(contractOf(contractForm(contract, 'EUR'), 'EUR')).toEqual(contract)
  expect([agreedWords(contract), validWords(contract)]).toEqual(['−12.5 %, own rates, 1 fixed price, whatever the demand', '2026-01-01 to 2026-12-31'])
  const blank = contractOf({ ...contractForm(undefined, 'EUR'), customer: ' A ', label: 'x' }, 'EUR')
  expect(blank).toEqual({ customer: 'A', label: 'x', discount_bp: 0, rates: {} })
  expect([agreedWords(blank), validWords(blank), validWords({ ...blank, valid_from: '2026-01-01' })]).toEqual(['nothing', 'always', 'from 2026-01-01 on'])
})

it('brings promo codes through a form unchanged', () => {
  for (const promo of promos) expect(promoOf(promoForm(promo, 'EUR'), 'EUR')).toEqual(promo)
  expect(promoOf({ ...promoForm(undefined, 'EUR'), code: ' spring ', value: '10' }, 'EUR')).toEqual({ code: 'SPRING', percent_bp: 1000 })
  // The most that a percentage takes off goes with it.
  expect(promoOf({ ...promoForm(promos[0], 'EUR'), by: 'amount', value: '3' }, 'EUR')).not.toHaveProperty('most_minor')
})
