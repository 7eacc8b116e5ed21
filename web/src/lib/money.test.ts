import { expect, it } from 'vitest'
import { basisPoints, difference, digitsOf, factorText, major, minor, money, perMille, percentText } from './money'

it.each([
  [1205, 'EUR', '12.05'], [5, 'EUR', '0.05'], [0, 'EUR', '0.00'], [-5, 'EUR', '-0.05'], [1205, 'JPY', '1205'], [1205, 'KWD', '1.205'], [null, 'EUR', ''],
])('%s of %s stands in a field as %s', (units, currency, text) => expect(major(units, currency)).toBe(text))

it.each([
  ['12.05', 'EUR', 1205], ['12,5', 'EUR', 1250], [' 12 ', 'EUR', 1200], ['12.', 'EUR', 1200], ['12.500', 'EUR', 1250], ['12.505', 'EUR', null],
  ['12.5', 'JPY', null], ['1205', 'JPY', 1205], ['1.205', 'KWD', 1205], ['', 'EUR', null], ['-1', 'EUR', null], ['1e3', 'EUR', null], ['twelve', 'EUR', null],
  ['99999999999999999', 'EUR', null],
])('%s typed for %s is %s', (text, currency, units) => expect(minor(text, currency)).toBe(units))

it('loses nothing on the way into a field and back', () => {
  for (const currency of ['EUR', 'JPY', 'KWD', 'CLF']) {
    for (let n = 0; n < 3000; n += 7) expect(minor(major(n, currency), currency)).toBe(n)
  }
  // 0.1 + 0.2 is not 0.3 in fractions.
  for (let n = 0; n < 20_000; n++) expect([basisPoints(percentText(n)), perMille(factorText(n))]).toEqual([n, n])
})

it('has no idle zeros in percentages and factors', () => {
  expect([2500, 1250, 1, 10_000, 0].map(percentText)).toEqual(['25', '12.5', '0.01', '100', '0'])
  expect([1000, 1500, 950].map(factorText)).toEqual(['1', '1.5', '0.95'])
})

it('reads with the digits of the currency', () => {
  expect(money({ amount_minor: 1240, currency: 'EUR' })).toMatch(/12[.,]40/)
  expect(money({ amount_minor: 1240, currency: 'JPY' })).toMatch(/1[.,\s]?240/)
  // Three digits for the depot, none for a browser.
  expect(digitsOf('IQD')).toBe(3)
  expect(money({ amount_minor: 1240, currency: 'IQD' })).toMatch(/1[.,]240/)
  expect(money({ amount_minor: 1240, currency: 'nonsense' })).toBe('12.40 nonsense')
  expect(difference({ amount_minor: 5, currency: 'EUR' })).toMatch(/^\+/)
  expect(difference({ amount_minor: -5, currency: 'EUR' })).toMatch(/^-/)
})
