/** Rules of recurrence (RFC 5545), as a form holds them and as people say them. */
export interface RuleForm {
  every: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'other'
  interval: number
  /** Of a week, like `TU`. */
  days: string[]
  /** Of a month; -1: its last. */
  day: number
  /** The rule itself, where it is another. */
  other: string
  /** The last day, like `2026-12-31`; empty: for ever. */
  until: string
}

export const DAYS: [string, string][] = [['MO', 'Mon'], ['TU', 'Tue'], ['WE', 'Wed'], ['TH', 'Thu'], ['FR', 'Fri'], ['SA', 'Sat'], ['SU', 'Sun']]
const UNIT: Record<string, string> = { DAILY: 'day', WEEKLY: 'week', MONTHLY: 'month', YEARLY: 'year' }
const ORDINAL: Record<string, string> = { 1: 'first', 2: 'second', 3: 'third', 4: 'fourth', 5: 'fifth', '-1': 'last' }

export const blankRule = (): RuleForm => ({ every: 'WEEKLY', interval: 1, days: [], day: 1, other: '', until: '' })

function partsOf(rule: string): Map<string, string> {
  return new Map(rule.replace(/^RRULE:/, '').split(';').filter(Boolean).map((part) => part.split('=', 2) as [string, string]))
}

export function ruleOf(form: RuleForm): string {
  if (form.every === 'other') return form.other.trim()
  const parts = [`FREQ=${form.every}`]
  if (form.interval > 1) parts.push(`INTERVAL=${form.interval}`)
  if (form.every === 'WEEKLY' && form.days.length > 0) parts.push(`BYDAY=${DAYS.map(([code]) => code).filter((code) => form.days.includes(code)).join(',')}`)
  if (form.every === 'MONTHLY') parts.push(`BYMONTHDAY=${form.day}`)
  if (form.until) parts.push(`UNTIL=${form.until.replaceAll('-', '')}`)
  return parts.join(';')
}

/** The form that makes this rule; `other` where only its text can. */
export function ruleForm(rule: string): RuleForm {
  const parts = partsOf(rule)
  const every = parts.get('FREQ') as RuleForm['every']
  const until = /^(\d{4})(\d{2})(\d{2})$/.exec(parts.get('UNTIL') ?? '')
  const form: RuleForm = {
    ...blankRule(),
    every,
    interval: Number(parts.get('INTERVAL') ?? 1),
    days: parts.get('BYDAY')?.split(',') ?? [],
    day: Number(parts.get('BYMONTHDAY') ?? 1),
    until: until ? until.slice(1).join('-') : '',
  }
  return ruleOf(form) === rule ? form : { ...blankRule(), every: 'other', other: rule }
}

/** In plain words, like “every 2 weeks on Tue, Fri until 2026-12-31”; the rule itself where there are none. */
export function ruleWords(rule: string): string {
  const parts = partsOf(rule)
  const unit = UNIT[parts.get('FREQ') ?? '']
  const known = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'UNTIL', 'COUNT', 'WKST']
  if (!unit || [...parts.keys()].some((name) => !known.includes(name))) return rule
  const n = Number(parts.get('INTERVAL') ?? 1)
  const words = [n === 1 ? `every ${unit}` : `every ${n} ${unit}s`]
  const weekdays = parts.get('BYDAY')?.split(',').map((text) => {
    const [, nth = '', code = ''] = /^([+-]?\d+)?(\w\w)$/.exec(text) ?? []
    const name = DAYS.find(([c]) => c === code)?.[1]
    const which = nth === '' ? '' : ORDINAL[String(Number(nth))]
    return name === undefined || which === undefined ? undefined : which ? `the ${which} ${name}` : name
  })
  if (weekdays?.includes(undefined)) return rule
  if (weekdays) words.push(`on ${weekdays.join(', ')}`)
  const days = parts.get('BYMONTHDAY')?.split(',').map((day) => (day === '-1' ? 'the last day' : `the ${day}.`))
  if (days) words.push(`on ${days.join(', ')}`)
  const count = parts.get('COUNT')
  if (count) words.push(`${count} times`)
  const until = /^(\d{4})(\d{2})(\d{2})/.exec(parts.get('UNTIL') ?? '')
  if (until) words.push(`until ${until.slice(1).join('-')}`)
  return words.join(' ')
}
