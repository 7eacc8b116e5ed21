/** A time in a few figures, and how they differ from those of the time before. */
import { count, distance, duration, percent } from '../lib/format'
import { money } from '../lib/money'
import type { Span } from './periods'
import type { Figures, Summary } from './types'

/** A kind of number. */
interface Kind {
  show: (n: number) => string
  /** How much it differs, without a sign; as {@link show} when absent. */
  off?: (n: number) => string
  /** Is a difference also told as a share of what was? */
  relative?: boolean
}
const whole = (n: number) => n.toLocaleString('en-GB', { maximumFractionDigits: 0 })
const COUNT: Kind = { show: whole, relative: true }
const RATE: Kind = { show: (n) => n.toLocaleString('en-GB', { minimumFractionDigits: 1, maximumFractionDigits: 1 }), relative: true }
const SHARE: Kind = { show: percent, off: (n) => `${(n * 100).toFixed(1)} points` }
const TIME: Kind = { show: duration }
const WAY: Kind = { show: distance, relative: true }
const FACTOR: Kind = { show: (n) => `× ${n.toFixed(2)}`, off: (n) => n.toFixed(2) }
const AMOUNT = (currency: string): Kind => ({ show: (amount_minor) => money({ amount_minor, currency }), relative: true })

export type Good = 'more' | 'less' | 'neither'
export interface Difference {
  /** "+12 (+18 %), better" */
  text: string
  verdict: 'better' | 'worse' | 'none'
}

/** How a figure differs from that of the time before, with its sign and in words; null where there is no figure. */
export function difference(now: number | null, before: number | null, kind: Kind, good: Good): Difference | null {
  if (now === null) return null
  if (before === null) return { text: 'nothing to compare with', verdict: 'none' }
  const off = kind.off ?? kind.show
  const by = now - before
  if (off(Math.abs(by)) === off(0)) return { text: 'as before', verdict: 'none' }
  const sign = by > 0 ? '+' : '−'
  const share = kind.relative && before > 0 ? ` (${sign}${Math.round((Math.abs(by) / before) * 100)} %)` : ''
  const verdict = good === 'neither' ? 'none' : by > 0 === (good === 'more') ? 'better' : 'worse'
  return { text: `${sign}${off(Math.abs(by))}${share}, ${verdict === 'none' ? (by > 0 ? 'more' : 'less') : verdict}`, verdict }
}

export interface Tile {
  key: string
  title: string
  values: string[]
  /** What it is made of. */
  detail: string
  differences: Difference[]
}

type Told = Pick<Summary, 'figures' | 'wait_p50_s' | 'wait_p95_s'>

/** Bookings in each hour; of longer times in each day. */
export const hourly = (span: Span) => span.days <= 2

function rate(bookings: number, span: Span): number {
  const hours = (Date.parse(span.to) - Date.parse(span.from)) / 3_600_000
  return bookings / (hourly(span) ? hours : span.days)
}

function parts(f: Figures): string {
  const all: [number, string][] = [[f.delivered, 'delivered'], [f.open, 'open'], [f.cancelled, 'cancelled'], [f.failed, 'failed'], [f.expired, 'expired']]
  return all.filter(([n]) => n > 0).map(([n, word]) => `${whole(n)} ${word}`).join(', ')
}

function waits(s: Told): string {
  if (s.wait_p50_s === null || s.wait_p95_s === null) return s.figures.wait_mean_s === null ? '' : 'how it spreads is kept for the whole depot only'
  return `half at most ${duration(s.wait_p50_s)}, 95 of 100 at most ${duration(s.wait_p95_s)}`
}

function surged(f: Figures): string {
  const added = f.surge.map(money).join(', ')
  return [`${whole(f.surged)} of ${whole(f.bookings)} dearer`, added && `${added} of the revenue`].filter(Boolean).join('; ')
}

const driven = (f: Figures) => f.empty_m + f.loaded_m
/** Currencies of either time, in their order. */
const currencies = (...all: Figures[]) => [...new Set(all.flatMap((f) => f.revenue.map((m) => m.currency)))].sort()
const amount = (f: Figures, currency: string) => f.revenue.find((m) => m.currency === currency)?.amount_minor ?? 0

/** The tiles of a time. Without `before` nothing is compared. */
export function tilesOf(now: Told, span: Span, before: Told | null, spanBefore: Span): Tile[] {
  const f = now.figures
  const tile = (key: string, title: string, kind: Kind, good: Good, of: (f: Figures, span: Span) => number | null, detail = ''): Tile => {
    const value = of(f, span)
    const was = before && difference(value, of(before.figures, spanBefore), kind, good)
    return { key, title, values: [value === null ? '–' : kind.show(value)], detail, differences: was ? [was] : [] }
  }
  const some = currencies(f, ...(before ? [before.figures] : []))
  const revenue: Tile = {
    key: 'revenue',
    title: 'Revenue',
    values: some.length === 0 ? ['–'] : some.map((c) => AMOUNT(c).show(amount(f, c))),
    detail: 'of what was delivered',
    differences: before ? some.flatMap((c) => difference(amount(f, c), amount(before.figures, c), AMOUNT(c), 'more') ?? []) : [],
  }
  return [
    tile('bookings', 'Bookings', COUNT, 'neither', (f) => f.bookings, parts(f)),
    tile('rate', hourly(span) ? 'Bookings an hour' : 'Bookings a day', RATE, 'neither', (f, s) => rate(f.bookings, s)),
    tile('on_time', 'On time', SHARE, 'more', (f) => f.on_time_ratio, 'of the pickups'),
    tile('served', 'Served', SHARE, 'more', (f) => f.served_ratio, 'delivered, of those not cancelled'),
    tile('assign', 'Time to assign', TIME, 'less', (f) => f.assign_mean_s, 'mean, bookings for at once'),
    tile('wait', 'Pickup wait', TIME, 'less', (f) => f.wait_mean_s, ['mean', waits(now)].filter(Boolean).join('; ')),
    tile('utilisation', 'Utilisation', SHARE, 'more', (f) => f.utilisation, f.duty_s > 0 ? `${duration(f.busy_s)} of ${duration(f.duty_s)} on duty` : ''),
    tile('empty', 'Driven empty', WAY, 'less', (f) => f.empty_m, driven(f) > 0 ? `${percent(f.empty_m / driven(f))} of the way` : ''),
    tile('loaded', 'Driven loaded', WAY, 'neither', (f) => f.loaded_m),
    revenue,
    // Where prices do not follow demand there is nothing to tell.
    ...(f.surged > 0 || (before?.figures.surged ?? 0) > 0 ? [tile('surge', 'Demand on prices', FACTOR, 'neither', (f) => f.surge_mean, surged(f))] : []),
  ]
}

/** Nothing was booked and nobody was on duty. */
export const isNothing = (f: Figures) => f.bookings === 0 && f.duty_s === 0 && f.busy_s === 0

/** "1,240 entries" */
export const entries = (n: number) => count(n, 'entry', 'entries')
