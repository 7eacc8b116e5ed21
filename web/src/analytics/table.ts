/** Numbers in rows and columns: to be read, copied, and taken away as CSV. */
export type Cell = string | number | null

export interface Column {
  /** Its name in CSV. */
  key: string
  title: string
  /** Numbers stand at the end of their column. */
  end?: boolean
  /** A value to be read; without it as it is. */
  show?: (value: Cell, row: Cell[]) => string
}
export interface Table {
  title: string
  columns: Column[]
  rows: Cell[][]
}

export function shown(column: Column, row: Cell[], at: number): string {
  const value = row[at] ?? null
  return column.show ? column.show(value, row) : value === null ? '' : String(value)
}

/** As a spreadsheet shows it and does not run it. */
const harmless = (text: string) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)

function csvCell(value: Cell | undefined): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'number' ? String(value) : harmless(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180, with the values as the depot gave them: seconds, metres, shares from 0 to 1, minor units, UTC. */
export function csvOf({ columns, rows }: Table): string {
  const lines = [columns.map((c) => c.key), ...rows.map((row) => columns.map((_, at) => row[at]))]
  return lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('')
}

/** The rows by a column, nothing last either way; texts as people sort them. */
export function sorted(rows: Cell[][], at: number, descending: boolean): Cell[][] {
  const order = new Intl.Collator(undefined, { numeric: true })
  return [...rows].sort((a, b) => {
    const [x, y] = [a[at] ?? null, b[at] ?? null]
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    const less = typeof x === 'number' && typeof y === 'number' ? x - y : order.compare(String(x), String(y))
    return descending ? -less : less
  })
}

/** By which column, and which way; a key that no column has: as they come. */
export interface Order {
  key: string
  descending: boolean
}

/** The other way where it is sorted by this column already; else numbers from the largest down. */
export function reordered(order: Order, column: Column): Order {
  return { key: column.key, descending: order.key === column.key ? !order.descending : (column.end ?? false) }
}

/** The rows of a table in an order. */
export function ordered({ columns, rows }: Pick<Table, 'columns' | 'rows'>, order: Order): Cell[][] {
  const at = columns.findIndex((c) => c.key === order.key)
  return at < 0 ? rows : sorted(rows, at, order.descending)
}
