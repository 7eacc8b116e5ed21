import { expect, it } from 'vitest'
import { csvOf, ordered, reordered } from '../analytics/table'
import { figure, isSeen, partOf, round, scaleOf, tableOf, valueOf } from './measure'
import type { Cell } from './types'
import { viridis } from './viridis'

const cell = (of: Partial<Cell>): Cell => ({ cell: 'a', polygon: [], waiting: 0, free: 0, requests: 0, ...of })
const forecast = { from: '2026-11-29T23:00:00Z', mean: 3.42, p10: 1, p50: 3, p90: 6 }
const surge = [{ factor: 1.05, reason: '5 requests, 1 vehicle here' }, { class: 'van', factor: 1.3, reason: '4 requests, 1 van here' }]

it('has a figure for each measure, and none where nothing is known', () => {
  const busy = cell({ waiting: 5, free: 2, requests: 14, forecast, surge })
  expect((['expected', 'requests', 'balance'] as const).map((m) => valueOf(busy, m, ''))).toEqual([3.42, 14, -3])
  expect(['', 'van', 'bike'].map((of) => valueOf(busy, 'surge', of))).toEqual([1.05, 1.3, null])
  expect(valueOf(cell({}), 'expected', '')).toBeNull()
})

it('shows on the map what is something', () => {
  const seen = (c: Cell, m: 'requests' | 'balance' | 'expected') => isSeen(c, m, valueOf(c, m, ''))
  expect([seen(cell({}), 'requests'), seen(cell({ requests: 1 }), 'requests')]).toEqual([false, true])
  // One waits and one is free: that is not nothing.
  expect([seen(cell({}), 'balance'), seen(cell({ free: 1, waiting: 1 }), 'balance')]).toEqual([false, true])
  expect([seen(cell({}), 'expected'), seen(cell({ forecast }), 'expected')]).toEqual([false, true])
})

it('reads its figures', () => {
  expect([3.42, 9.96, 0.04, null].map((n) => figure(n, 'expected'))).toEqual(['3.4', '10', '0.0', '–'])
  expect([1, 1.05, 1.1750000001].map((n) => figure(n, 'surge'))).toEqual(['×1', '×1.05', '×1.175'])
  expect([2, -3, 0].map((n) => figure(n, 'balance'))).toEqual(['+2', '−3', '0'])
})

it('has scales with round ends, those of the tariff for prices', () => {
  expect([0, 0.3, 1.2, 2, 14, 51, 101].map(round)).toEqual([1, 1, 2, 2, 20, 100, 200])
  expect(scaleOf('balance', 3)).toEqual([-5, 5])
  expect(scaleOf('surge', 0, { on: true, floor_per_mille: 850, cap_per_mille: 1500, step_per_mille: 50 })).toEqual([0.85, 1.5])
  expect([-1, 0, 5, 10, 99].map((n) => partOf(n, [0, 10]))).toEqual([0, 0, 0.5, 1, 1])
  // Floor and cap may be the same.
  expect(partOf(1, [1, 1])).toBe(0.5)
})

it('is coloured from violet to yellow, ever lighter', () => {
  expect([viridis(0), viridis(1), viridis(-1), viridis(2)]).toEqual(['#440154', '#fde725', '#440154', '#fde725'])
  const light = Array.from({ length: 51 }, (_, i) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(viridis(i / 50).slice(at, at + 2), 16))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  })
  expect(light).toEqual([...light].sort((a, b) => a - b))
})

it('is a table, of the present hour with who waits and who is free', () => {
  const items = [cell({ cell: 'a', requests: 1 }), cell({ cell: 'b', free: 2, forecast, surge })]
  const now = tableOf(items, 'van', true, true)
  expect(csvOf(now)).toBe('cell,expected,p10,p90,requests,surge,balance,waiting,free\r\na,,,,1,,0,0,0\r\nb,3.42,1,6,0,1.3,2,0,2\r\n')
  expect(tableOf(items, 'van', false, false).columns.map((c) => c.key)).toEqual(['cell', 'expected', 'requests'])
  const order = reordered({ key: '', descending: true }, now.columns[1]!)
  expect([order, reordered(order, now.columns[1]!)].map((o) => ordered(now, o).map((row) => row[0]))).toEqual([['b', 'a'], ['b', 'a']])
  expect(ordered(now, reordered(order, now.columns[4]!)).map((row) => row[0])).toEqual(['a', 'b'])
})
