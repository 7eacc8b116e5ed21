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
