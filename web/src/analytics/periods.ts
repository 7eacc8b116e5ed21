/** The times that figures are asked of: whole days of the depot's zone, or days until the end of the present hour. */
import { dayAfter, dayFrom, dayStart, instantAt, localTime } from '../lib/zoned'

export const PERIODS = [
  ['today', 'Today'],
  ['yesterday', 'Yesterday'],
  ['7d', 'Last 7 days'],
  ['week', 'This week'],
  ['30d', 'Last 30 days'],
  ['month', 'This month'],
  ['own', 'Own dates'],
] as const
export type PeriodName = (typeof PERIODS)[number][0]

export interface Span {
  from: string
  /** The first instant after it. */
  to: string
  /** The days of its first and last moment, like `2026-10-25`. */
  first: string
  last: string
  /** How many days it has, the begun one in part; a day on which the clocks change is one too. */
  days: number
}
export interface Period extends Span {
  /** It ends with the present hour, not with a day. */
  running: boolean
  /** What it is compared with: the same days one period earlier, until the same time of day. */
  before: Span
}
/** First and last day, as they were chosen. */
export interface OwnDates {
  from: string
  to: string
}

const ms = (iso: string) => Date.parse(iso)
const iso = (at: number) => new Date(at).toISOString()
const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(ms(text))
const daysBetween = (first: string, last: string) => Math.round((ms(`${last}T00:00Z`) - ms(`${first}T00:00Z`)) / 86_400_000)

function spanOf(from: string, to: string, zone?: string): Span {
  const dayOf = (at: number) => localTime(iso(at), zone).slice(0, 10)
  const [first, last] = [dayOf(ms(from)), dayOf(ms(to) - 1)]
  const [begin, end] = [ms(dayStart(last, zone)), ms(dayStart(dayAfter(last), zone))]
  return { from, to, first, last, days: daysBetween(first, last) + (ms(to) - begin) / (end - begin) }
}

/** When the hour of the zone's clocks ends, or the day does before. */
function hourEnd(now: number, zone?: string): string {
  const local = localTime(iso(now), zone)
  const begun = Math.floor(now / 60_000) * 60_000 - Number(local.slice(14, 16)) * 60_000
  return iso(Math.min(begun + 3_600_000, ms(dayStart(dayAfter(local.slice(0, 10)), zone))))
}

const monday = (day: string) => dayFrom(day, -((new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7))

function daysOf(name: PeriodName, own: OwnDates, today: string): [first: string, last: string] | null {
  switch (name) {
    case 'today':
      return [today, today]
    case 'yesterday':
      return [dayFrom(today, -1), dayFrom(today, -1)]
    case '7d':
      return [dayFrom(today, -6), today]
    case 'week':
      return [monday(today), today]
    case '30d':
      return [dayFrom(today, -29), today]
    case 'month':
      return [`${today.slice(0, 8)}01`, today]
    case 'own':
      return isDay(own.from) && isDay(own.to) && own.from <= own.to ? [own.from, own.to] : null
  }
}

/** The same day of the month before; null where that month is shorter. */
function monthBack(day: string): string | null {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number)
  const back = new Date(Date.UTC(year, month - 2, date)).toISOString().slice(0, 10)
  return Number(back.slice(8)) === date ? back : null
}

/** The period of a name at a moment; null: its own dates are not both chosen, or the last is before the first. */
export function periodOf(name: PeriodName, own: OwnDates, now: number, zone?: string): Period | null {
  const today = localTime(iso(now), zone).slice(0, 10)
  const days = daysOf(name, own, today)
  if (!days) return null
  const [first, last] = days
  const running = last === today
  const from = dayStart(first, zone)
  const to = running ? hourEnd(now, zone) : dayStart(dayAfter(last), zone)
  if (!from || !to) return null
  const back = (day: string): string | null => {
    if (name === 'month') return monthBack(day)
    return dayFrom(day, -(name === 'week' ? 7 : daysBetween(first, last) + 1))
  }
  const local = localTime(to, zone)
  const day = running ? back(local.slice(0, 10)) : null
  const end = day ? instantAt(`${day}${local.slice(10)}`, zone) : from
  const before = spanOf(dayStart(back(first) ?? first, zone), ms(end) < ms(from) ? end : from, zone)
  return { ...spanOf(from, to, zone), running, before }
}

/** "9 – 15 Mar 2026, until 14:00" */
export function spanWords({ first, last, to }: Span, zone?: string): string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' })
  const days = format.formatRange(new Date(`${first}T00:00Z`), new Date(`${last}T00:00Z`))
  const clock = localTime(to, zone).slice(11)
  return ms(to) === ms(dayStart(dayAfter(last), zone)) ? days : `${days}, until ${clock}`
}

export const STEPS = ['hour', 'day', 'week'] as const
export type Step = (typeof STEPS)[number]

/** How long the steps of a chart are when nobody chose. */
export function stepOf({ days }: Span): Step {
  return days <= 2 ? 'hour' : days <= 92 ? 'day' : 'week'
}
