import { expect, it } from 'vitest'
import { csvOf, shown, sorted, type Table } from './table'

const table: Table = {
  title: 'By customer',
  columns: [{ key: 'customer', title: 'Customer' }, { key: 'share', title: 'Share', show: (v) => `${Number(v) * 100} %` }],
  rows: [['Bakery, "Anna"', 0.5], ['=HYPERLINK("x")', null], ['two\nlines', -3], ['-', 12]],
}

it('makes CSV that other programs read, with values as they are', () => {
  expect(csvOf(table)).toBe('customer,share\r\n"Bakery, ""Anna""",0.5\r\n"\'=HYPERLINK(""x"")",\r\n"two\nlines",-3\r\n\'-,12\r\n')
  expect(csvOf({ ...table, rows: [] })).toBe('customer,share\r\n')
})

it('shows a value as its column does', () => {
  expect(shown(table.columns[1]!, table.rows[0]!, 1)).toBe('50 %')
  expect(shown(table.columns[0]!, [null], 0)).toBe('')
})

it('sorts either way, with nothing last', () => {
  const rows = [['b10', 2], ['b9', null], ['a', 30]]
  const firsts = (sortedRows: unknown[][]) => sortedRows.map(([first]) => first)
  expect(firsts(sorted(rows, 1, true))).toEqual(['a', 'b10', 'b9'])
  expect(firsts(sorted(rows, 1, false))).toEqual(['b10', 'a', 'b9'])
  expect(firsts(sorted(rows, 0, false))).toEqual(['a', 'b9', 'b10'])
})
