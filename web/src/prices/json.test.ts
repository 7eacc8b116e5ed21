import { expect, it } from 'vitest'
import { faultsIn, lineOf, lineSpan, linesOf } from './json'
import full from '../../../src/pricing/full_tariff.json'

const TEXT = `{
  "name": "a \\"quoted\\" [name], {really}",
  "rates": { "base_minor": 5,
    "weight": [
      { "above_kg": 1, "amount_minor": 2 },
      {"above_kg": 3}
    ], "none": [], "empty": {} },
  "classes": { "van.big": { "on": true } }
}`

it('knows the line of each value', () => {
  const lines = linesOf(TEXT)
  expect(Object.fromEntries(lines)).toEqual({
    '': 1, name: 2, rates: 3, 'rates.base_minor': 3, 'rates.weight': 4, 'rates.weight[0]': 5, 'rates.weight[0].above_kg': 5, 'rates.weight[0].amount_minor': 5,
    'rates.weight[1]': 6, 'rates.weight[1].above_kg': 6, 'rates.none': 7, 'rates.empty': 7, classes: 8, 'classes.van.big': 8, 'classes.van.big.on': 8,
  })
})

it('takes the nearest value around one that is missing', () => {
  const lines = linesOf(TEXT)
  expect(['rates.weight[1].amount_minor', 'rates.weight[7]', 'rates.tax.label', 'nothing', ''].map((path) => lineOf(lines, path))).toEqual([6, 4, 3, 1, 1])
})

it('finds every value of a full tariff, written in any way', () => {
  const paths = (value: unknown, path = ''): string[] =>
    Array.isArray(value) ? [path, ...value.flatMap((v, i) => paths(v, `${path}[${i}]`))]
      : value && typeof value === 'object' ? [path, ...Object.entries(value).flatMap(([k, v]) => paths(v, path ? `${path}.${k}` : k))] : [path]
  for (const indent of [0, 2, '\t']) {
    const text = JSON.stringify(full, null, indent)
    expect([...linesOf(text).keys()].sort()).toEqual(paths(full).sort())
  }
  const text = JSON.stringify(full, null, 2)
  const [from, to] = lineSpan(text, linesOf(text).get('tax.rate_bp') ?? 0)
  expect(text.slice(from, to).trim()).toBe('"rate_bp": 2000,')
})

it('puts what was refused at its line', () => {
  const said = { 'tariff.rates.weight[1].above_kg': 'must be more', 'tariff.name': 'is empty', starts_at: 'is over', tariff: 'is strange' }
  expect(faultsIn(TEXT, said, 'tariff').map((f) => [f.line, f.path, f.said])).toEqual([
    [1, 'starts_at', 'is over'], [1, '', 'is strange'], [2, 'name', 'is empty'], [6, 'rates.weight[1].above_kg', 'must be more'],
  ])
  expect(faultsIn('{', { name: 'is missing' })).toEqual([{ path: 'name', line: 1, said: 'is missing' }])
})
