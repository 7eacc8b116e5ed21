import { expect, it } from 'vitest'
import type { Tariff } from '../prices/types'
import { isUnplanned, labelled, plotOf } from './staffing'
import { hasSurge, intervalWords, rulesOf, shortageWords } from './words'

const now = Date.parse('2026-11-29T23:20:00Z')
const short = (from: string, to: string, short: number, zone = 'UTC') => shortageWords({ from: `2026-${from}Z`, to: `2026-${to}Z`, short }, now, zone)

it('tells when and how many drivers are short', () => {
  expect(short('11-30T17:00', '11-30T19:00', 14)).toBe('Tomorrow 17–19 h: up to 14 drivers short')
  expect(short('11-29T23:00', '11-30T00:00', 1)).toBe('Today 23–24 h: 1 driver short')
  expect(short('12-02T22:00', '12-03T02:00', 3)).toBe('Wed 2 Dec 22 h to Thu 3 Dec 2 h: up to 3 drivers short')
  expect(short('11-29T23:00', '11-30T02:00', 2)).toBe('Today 23 h to tomorrow 2 h: up to 2 drivers short')
  expect(short('11-30T11:00', '11-30T12:00', 2, 'Asia/Kolkata')).toBe('Today 16:30–17:30 h: 2 drivers short')
})

it('tells an interval', () => {
  const between = (p10: number, p90: number) => intervalWords({ from: '', mean: 1, p10, p50: p10, p90 })
  expect([between(3, 9), between(2, 2), between(0, 0)]).toEqual(['4 of 5 times between 3 and 9', '4 of 5 times 2', '4 of 5 times none'])
})

it('takes the bounds of a class, else those of all', () => {
  const rules = (cap_per_mille: number, on = true) => ({ on, floor_per_mille: 1000, cap_per_mille, step_per_mille: 100 })
  const tariff: Tariff = { name: '', currency: 'EUR', surge: rules(1500, false), classes: { van: { surge: rules(2000) }, bike: {} } }
  expect(['van', 'bike', '', 'none'].map((of) => rulesOf(tariff, of)?.cap_per_mille)).toEqual([2000, 1500, 1500, 1500])
  expect([hasSurge(tariff), hasSurge({ ...tariff, classes: {} }), hasSurge(undefined)]).toEqual([true, false, false])
})

it('draws the drivers that are needed and planned', () => {
  const hour = (at: string, needed: number, planned: number) => ({ from: `2026-11-30T${at}:00Z`, expected: { from: '', mean: 1, p10: 0, p50: 1, p90: 2 }, needed, planned })
  const hours = [hour('16:00', 3, 0), hour('17:00', 9, 4)]
  expect(plotOf(hours).series.map((s) => [s.key, s.values])).toEqual([['planned', [0, 4]], ['needed', [3, 9]]])
  expect(labelled(hours, 'UTC')).toEqual([{ brief: 'Mon 16 h', full: '30 Nov 16:00' }, { brief: 'Mon 17 h', full: '30 Nov 17:00' }])
  expect([isUnplanned(hours), isUnplanned(hours.slice(0, 1))]).toEqual([false, true])
})
