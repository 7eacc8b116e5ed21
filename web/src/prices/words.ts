import type { Column, Table } from '../analytics/table'
import { factorText, major, money, percentText } from '../lib/money'
import { NOTHING, stepsText } from './form'
import { WEEKDAYS, type FixedPrice, type Promo, type Rates, type Surcharge, type SurgeRules, type Tariff, type TariffSummary } from './types'

export const STATES: Record<TariffSummary['state'], string> = { coming: 'coming', in_effect: 'in effect', past: 'past', withdrawn: 'withdrawn' }

const COLUMNS: Column[] = [
  { key: 'for', title: 'For' },
  { key: 'base', title: 'Base', end: true },
  { key: 'km', title: 'Per km', end: true },
  { key: 'minute', title: 'Per minute', end: true },
  { key: 'stop', title: 'Per stop', end: true },
  { key: 'minimum', title: 'Minimum', end: true },
  { key: 'waiting', title: 'Waiting' },
  { key: 'weight', title: 'Weight' },
  { key: 'volume', title: 'Volume' },
]

/** Rates by whom they are for. What a row leaves empty is as in those that it lies over; what nobody says is nothing. */
export function ratesTable(layers: [string, Rates | undefined][], currency: string): Table {
  const amount = (units?: number) => (units === undefined ? null : money({ amount_minor: units, currency }))
  const steps = (text: string, unit: string) => (text === '' ? null : text === NOTHING ? 'nothing' : text.split(', ').map((step) => `above ${step.replace(':', ` ${unit}:`)}`).join(', '))
  const waiting = (r: Rates) => r.waiting && `${amount(r.waiting.per_minute_minor)} a minute after ${r.waiting.free_minutes} min`
  const rows = layers.map(([name, rates]) => {
    const r = rates ?? {}
    return [
      name, amount(r.base_minor), amount(r.per_km_minor), amount(r.per_minute_minor), amount(r.per_stop_minor), amount(r.minimum_minor), waiting(r) ?? null,
      steps(stepsText(r.weight, 'above_kg', currency), 'kg'), steps(stepsText(r.volume, 'above_m3', currency), 'm³'),
    ]
  })
  // Columns of which nobody says anything are not there.
  const told = COLUMNS.map((_, at) => at === 0 || rows.some((row) => row[at] !== null))
  return { title: 'Rates', columns: COLUMNS.filter((_, at) => told[at]), rows: rows.map((row) => row.filter((_, at) => told[at])) }
}

/** The rates of a tariff: those for all, for zones, for classes, for classes in zones. */
export function layersOf(tariff: Tariff): [string, Rates | undefined][] {
  const zones = Object.entries(tariff.zones ?? {}).map(([zone, rates]): [string, Rates] => [`from zone ${zone}`, rates])
  const classes = Object.entries(tariff.classes ?? {}).flatMap(([name, c]): [string, Rates | undefined][] => [
    [`class ${name}`, c.rates],
    ...Object.entries(c.zones ?? {}).map(([zone, rates]): [string, Rates] => [`class ${name} from zone ${zone}`, rates]),
  ])
  return [['all', tariff.rates], ...zones, ...classes]
}

const short = (day: string) => `${day.charAt(0).toUpperCase()}${day.slice(1, 3)}`

/** When a surcharge applies: "Sat, Sun, holidays, 22:00 – 06:00". */
export function timesOf(s: Surcharge): string {
  const weekdays = WEEKDAYS.filter((day) => s.weekdays?.includes(day)).map(short)
  const days = [...weekdays, ...(s.dates ?? []), ...(s.holidays ? ['holidays'] : [])].join(', ') || 'every day'
  const [from, until] = [s.from ?? '00:00', s.until ?? '24:00']
  if (!s.from && !s.until) return `${days}, all day`
  return `${days}, ${from} – ${until}${until < from ? ' of the next day' : ''}`
}

/** How much: "+25 %", "+€3.50". */
export function moreOf(s: Surcharge, currency: string): string {
  return s.amount_minor === undefined ? `+${percentText(s.percent_bp ?? 0)} %` : `+${money({ amount_minor: s.amount_minor, currency })}`
}

/** Every surcharge with the class that it is for; null: for those that have none of the same name. */
export function surchargesOf(tariff: Tariff): { of: string | null; key: string; surcharge: Surcharge }[] {
  const entries = (of: string | null, all?: Record<string, Surcharge>) => Object.entries(all ?? {}).map(([key, surcharge]) => ({ of, key, surcharge }))
  return [...entries(null, tariff.surcharges), ...Object.entries(tariff.classes ?? {}).flatMap(([name, c]) => entries(name, c.surcharges))]
}

export function roundingWords({ rounding, currency }: Tariff): string {
  if (!rounding) return 'to the last digit'
  return `${{ nearest: 'to the nearest', up: 'up to the next', down: 'down to the last' }[rounding.mode]} ${money({ amount_minor: rounding.to_minor, currency })}`
}

export function taxWords({ tax }: Tariff): string {
  return tax ? `${tax.label} ${percentText(tax.rate_bp)} %, ${tax.included ? 'in all amounts already' : 'added to the price'}` : 'none'
}

export function surgeWords(rules: SurgeRules | undefined): string {
  if (!rules?.on) return 'does not count'
  return `by a factor from ${factorText(rules.floor_per_mille)} to ${factorText(rules.cap_per_mille)}, in steps of ${factorText(rules.step_per_mille)}`
}

export function fixedWords(p: FixedPrice, currency: string): string {
  const about = [p.class && `class ${p.class}`, p.all_in && 'all in'].filter(Boolean).join(', ')
  return `${p.from} ${p.both_ways ? '⇄' : '→'} ${p.to}: ${money({ amount_minor: p.amount_minor, currency })}${about ? ` (${about})` : ''}`
}

/** What a code takes off: "−10 %, at most €5.00". */
export function offWords(p: Promo, currency: string): string {
  const amount = (units: number) => money({ amount_minor: units, currency })
  const most = p.most_minor === undefined ? '' : `, at most ${amount(p.most_minor)}`
  return p.percent_bp === undefined ? `−${amount(p.amount_minor ?? 0)}` : `−${percentText(p.percent_bp)} %${most}`
}

/** How often and from what on it may be used. */
export function limitsWords(p: Promo, currency: string): string {
  const times = (n: number) => (n === 1 ? 'once' : `${n.toLocaleString('en-GB')} times`)
  return [
    p.limit_total !== undefined && `${times(p.limit_total)} in all`,
    p.limit_per_customer !== undefined && `${times(p.limit_per_customer)} by a customer`,
    p.minimum_price_minor !== undefined && `from ${major(p.minimum_price_minor, currency)} ${currency} on`,
  ].filter(Boolean).join(', ') || 'without limit'
}
