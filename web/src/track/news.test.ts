import { expect, test } from 'vitest'
import { pause, since, until, type Words } from './news'

const words: Words = { until: ['in {n} min', 'in {h} h {m} min', 'any minute'], since: ['{n} s ago', '{n} min ago'] }
const MINUTE = 60_000

test('a time to come is counted down in minutes', () => {
  expect([-5, 0, 0.99, 1, 59.9, 60, 135, 1439, 1440].map((n) => until(n * MINUTE, words))).toEqual(
    ['any minute', 'any minute', 'any minute', 'in 1 min', 'in 59 min', 'in 1 h 0 min', 'in 2 h 15 min', 'in 23 h 59 min', ''],
  )
})

test('an age is told while it means something', () => {
  expect([-1, 0, 59, 60, 3599, 3600].map((s) => since(s * 1000, words))).toEqual(['0 s ago', '0 s ago', '59 s ago', '1 min ago', '59 min ago', ''])
})

test('who fails waits longer, up to a minute, and as long as is bidden', () => {
  expect([0, 1, 2, 3, 9].map((failures) => pause(10, failures, null))).toEqual([10_000, 20_000, 40_000, 60_000, 60_000])
  expect([pause(5, 0, '30'), pause(5, 0, 'soon'), pause(90, 1, null)]).toEqual([30_000, 5_000, 90_000])
})
