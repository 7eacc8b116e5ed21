/** On which line of a JSON text each of its values begins, by its path as the depot writes it: `rates.weight[1].above_kg`; the whole is
 * the empty path. The text is one that `JSON.parse` takes. */
export function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>()
  let [at, line] = [0, 1]

  function space() {
    for (; at < text.length && ' \t\r\n'.includes(text[at] ?? ''); at++) if (text[at] === '\n') line++
  }
  function word(): string {
    const from = at
    if (text[at] === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++
      at++
    } else while (at < text.length && !' \t\r\n,:]}'.includes(text[at] ?? '')) at++
    return text.slice(from, at)
  }
  /** The members of an object or a list, up to its end. */
  function members(end: string, one: (n: number) => void) {
    at++
    space()
    for (let n = 0; at < text.length && text[at] !== end; n++) {
      one(n)
      space()
      if (text[at] === ',') at++
      space()
    }
    at++
  }
  function value(path: string) {
    lines.set(path, line)
    if (text[at] === '{') {
      members('}', () => {
        const [begin, name] = [line, JSON.parse(word()) as string]
        space()
        at++
        space()
        const inner = path ? `${path}.${name}` : name
        value(inner)
        lines.set(inner, begin)
      })
    } else if (text[at] === '[') members(']', (n) => value(`${path}[${n}]`))
    else word()
  }

  space()
  value('')
  return lines
}

/** The line of a path, or of the nearest value around it: what is missing has none of its own. */
export function lineOf(lines: Map<string, number>, path: string): number {
  for (let around = path; around; around = around.replace(/(\.?[^.[\]]*|\[\d+\])$/, '')) {
    const line = lines.get(around)
    if (line !== undefined) return line
  }
  return 1
}

export interface Fault {
  path: string
  line: number
  said: string
}

/** What the depot refused, by the line on which it stands. `within` is what the depot puts before each path. */
export function faultsIn(text: string, fields: Record<string, string>, within = ''): Fault[] {
  let lines = new Map<string, number>()
  try {
    JSON.parse(text)
    lines = linesOf(text)
  } catch {
    // What is no JSON has one line for all.
  }
  const own = (field: string) => (field === within ? '' : field.startsWith(`${within}.`) ? field.slice(within.length + 1) : field)
  const faults = Object.entries(fields).map(([field, said]) => ({ path: own(field), line: lineOf(lines, own(field)), said }))
  return faults.sort((a, b) => a.line - b.line)
}

/** The first and the last position of a line, to select it. */
export function lineSpan(text: string, line: number): [from: number, to: number] {
  const before = text.split('\n').slice(0, line - 1)
  const from = before.reduce((sum, l) => sum + l.length + 1, 0)
  const end = text.indexOf('\n', from)
  return [from, end < 0 ? text.length : end]
}
