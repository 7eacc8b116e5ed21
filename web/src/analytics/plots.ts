/** What the charts show of a time, step by step. */
import { distance, duration, percent, words } from '../lib/format'
import { money } from '../lib/money'
import { localTime, offsetOf } from '../lib/zoned'
import type { Step } from './periods'
import type { Table } from './table'
import type { Figures, Point } from './types'

export interface Series {
  /** Its name in CSV. */
  key: string
  title: string
  /** Told apart by form too: a full or a hollow bar, a line or a dashed one. */
  look: 'full' | 'hollow' | 'line' | 'dashed'
  values: (number | null)[]
}
export interface Plot {
  key: string
  title: string
  series: Series[]
  /** Do the bars of a step stand beside each other? Else one is within the other. */
  beside?: boolean
  show: (n: number) => string
  /** As the axis has it; as `show` when absent. */
  brief?: (n: number) => string
  /** Distances that its axis may be marked at. */
  marks?: number[]
  /** Its axis ends there, whatever the values are. */
  top?: number
}

/** Blue and green of the status colours; both are seen on light and on dark. */
export const COLOURS: Record<Series['look'], string> = { full: '#0072b2', hollow: '#009e73', line: '#0072b2', dashed: '#009e73' }

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]
const TENS = Array.from({ length: 12 }, (_, n) => 10 ** n).flatMap((n) => [n, 2 * n, 5 * n])
const whole = (n: number) => n.toLocaleString('en-GB')
const wholePercent = (share: number) => `${Math.round(share * 100)} %`

function briefMoney(currency: string) {
  return (amount_minor: number) => {
    try {
      const format = new Intl.NumberFormat(undefined, { style: 'currency', currency })
      const major = amount_minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2)
      return new Intl.NumberFormat(undefined, { style: 'currency', currency, notation: 'compact', maximumFractionDigits: 1 }).format(major)
    } catch {
      return money({ amount_minor, currency })
    }
  }
}

/** The plots of a series of figures; one of revenue for each currency. */
export function plotsOf(points: Point[]): Plot[] {
  const series = (key: string, title: string, look: Series['look'], of: (f: Figures) => number | null): Series => ({ key, title, look, values: points.map((p) => of(p.figures)) })
  const currencies = [...new Set(points.flatMap((p) => p.figures.revenue.map((m) => m.currency)))].sort()
  const revenue = (currency: string): Plot => ({
    key: `revenue_${currency.toLowerCase()}`,
    title: currencies.length > 1 ? `Revenue, ${currency}` : 'Revenue',
    series: [series(`revenue_minor_${currency.toLowerCase()}`, 'Revenue', 'full', (f) => f.revenue.find((m) => m.currency === currency)?.amount_minor ?? 0)],
    show: (amount_minor) => money({ amount_minor, currency }),
    brief: briefMoney(currency),
    marks: TENS,
  })
  return [
    {
      key: 'bookings',
      title: 'Bookings',
      series: [series('delivered', 'Delivered', 'full', (f) => f.delivered), series('bookings', 'In all', 'hollow', (f) => f.bookings)],
      show: whole,
      marks: TENS,
    },
    {
      key: 'shares',
      title: 'On time and served',
      series: [series('on_time_ratio', 'On time', 'line', (f) => f.on_time_ratio), series('served_ratio', 'Served', 'dashed', (f) => f.served_ratio)],
      show: percent,
      brief: wholePercent,
      top: 1,
    },
    {
      key: 'times',
      title: 'Time to assign and pickup wait',
      series: [series('assign_mean_s', 'Time to assign', 'line', (f) => f.assign_mean_s), series('wait_mean_s', 'Pickup wait', 'dashed', (f) => f.wait_mean_s)],
      show: duration,
      marks: SECONDS,
    },
    {
      key: 'utilisation',
      title: 'Utilisation',
      series: [series('utilisation', 'Time on duty with a job', 'full', (f) => f.utilisation)],
      show: percent,
      brief: wholePercent,
      top: 1,
    },
    {
      key: 'distance',
      title: 'Empty and loaded',
      series: [series('loaded_m', 'Loaded', 'full', (f) => f.loaded_m), series('empty_m', 'Empty', 'hollow', (f) => f.empty_m)],
      beside: true,
      show: distance,
      marks: TENS,
    },
    ...currencies.map(revenue),
  ]
}

/** Is there anything to draw? */
export const isBlank = (plot: Plot) => plot.series.every((s) => s.values.every((v) => v === null || (v === 0 && plot.top === undefined)))

const dayName = (local: string) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short' }).format(new Date(`${local.slice(0, 10)}T00:00Z`))

export interface Label {
  /** Below the axis. */
  brief: string
  /** Where there is room; with the offset where the clocks show an hour twice. */
  full: string
}

/** What the steps are called. */
export function labelsOf(points: Pick<Point, 'from'>[], step: Step, zone?: string): Label[] {
  const locals = points.map((p) => localTime(p.from, zone))
  return points.map((p, i) => {
    const local = locals[i] ?? ''
    const [day, clock] = [dayName(local), local.slice(11)]
    if (step === 'day') return { brief: day, full: day }
    if (step === 'week') return { brief: day, full: `week of ${day}` }
    const twice = locals.indexOf(local) !== locals.lastIndexOf(local)
    return { brief: clock === '00:00' && points.length > 25 ? day : clock, full: `${day} ${clock}${twice ? ` ${offsetOf(p.from, zone)}` : ''}` }
  })
}

/** The numbers of a plot. */
export function tableOf(plot: Plot, points: Pick<Point, 'from'>[], labels: Label[], step: Step): Table {
  const named = new Map(points.map((p, i) => [p.from, labels[i]?.full ?? p.from]))
  return {
    title: plot.title,
    columns: [
      { key: 'from', title: words(step), show: (from) => named.get(String(from)) ?? '' },
      ...plot.series.map((s) => ({ key: s.key, title: s.title, end: true, show: (n: string | number | null) => (n === null ? '–' : plot.show(Number(n))) })),
    ],
    rows: points.map((p, i) => [p.from, ...plot.series.map((s) => s.values[i] ?? null)]),
  }
}
