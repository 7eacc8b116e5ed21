import { expect, it } from 'vitest'
import { shown } from '../analytics/table'
import { accuracyTable, accuracyWords } from './accuracy'

const days = [
  { day: '2026-11-28', all: { hours: 24, requests: 6, error: 1, last_week_error: 2, covered: 0.75 }, cells: { hours: 240, requests: 0.84, error: 0.6, covered: 0.8 } },
  { day: '2026-11-27', all: { hours: 8, requests: 2, error: 3, covered: 1 } },
  { day: '2026-11-26' },
]

it('weighs a day by its hours', () => {
  expect(accuracyWords(days)).toBe('On 2 days a forecast was off by 1.5 of 5.0 requests an hour; as the week before it would have been 2.0. 81.3 % of the hours were within the interval, which is to hold four times out of five.')
  expect(accuracyWords(days.slice(1, 2))).toMatch(/^On 1 day a forecast was off by 3.0 of 2.0 requests an hour\. 100.0 %/)
  expect([accuracyWords(days.slice(2)), accuracyWords([])]).toEqual(['', ''])
})

it('is a table, with nothing where nothing was counted', () => {
  const { columns, rows } = accuracyTable(days)
  expect(rows.map((row) => columns.map((c, at) => shown(c, row, at)))).toEqual([
    ['2026-11-28', '6.0', '1.0', '75.0 %', '0.8', '0.6', '80.0 %'],
    ['2026-11-27', '2.0', '3.0', '100.0 %', '–', '–', '–'],
    ['2026-11-26', '–', '–', '–', '–', '–', '–'],
  ])
})
