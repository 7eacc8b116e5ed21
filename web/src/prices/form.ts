import { list } from '../lib/format'
import { basisPoints, factorText, major, minor, perMille, percentText } from '../lib/money'
import { type Need, proofForm, proofOf, type ProofPart } from './proof'
import type { FixedPrice, Rates, Surcharge, SurgeRules, Tariff, TariffClass, Weekday } from './types'

/** Rates as a form holds them: amounts in major units, empty where they are as in the rates below. */
export interface RatesForm {
  base: string
  km: string
  minute: string
  stop: string
  minimum: string
  /** Like `100: 5.00, 500: 15.00`, or {@link NOTHING}. */
  weight: string
  volume: string
  free_minutes: string
  waiting: string
}
export interface SurchargeForm {
  /** Its name in the document. */
  key: string
  label: string
  weekdays: Weekday[]
  dates: string
  holidays: boolean
  from: string
  until: string
  by: 'percent' | 'amount'
  value: string
}
export interface SurgeForm {
  on: boolean
  floor: string
  cap: string
  step: string
}
export interface ClassForm {
  name: string
  rates: RatesForm
  /** Its prices follow demand in their own way. */
  own_surge: boolean
  surge: SurgeForm
}
export interface FixedForm {
  from: string
  to: string
  class: string
  amount: string
  both_ways: boolean
  all_in: boolean
}
/** What a form knows of a tariff. */
export interface TariffForm {
  name: string
  currency: string
  quote_minutes: string
  rates: RatesForm
  zones: { name: string; rates: RatesForm }[]
  classes: ClassForm[]
  surcharges: SurchargeForm[]
  holidays: string
  fixed: FixedForm[]
  rounded: boolean
  rounding: { to: string; mode: string }
  taxed: boolean
  tax: { label: string; rate: string; included: boolean }
  surge: SurgeForm
  proof: Record<ProofPart, Need>
}

/** Steps of which there are none, in place of those of the rates below. */
export const NOTHING = 'none'
const SURGE: SurgeRules = { on: false, floor_per_mille: 1000, cap_per_mille: 1500, step_per_mille: 100 }

/** A list of steps in one line; what is left out is empty. */
export function stepsText<K extends string>(steps: ({ [k in K]: number } & { amount_minor: number })[] | undefined, above: K, currency: string): string {
  if (!steps) return ''
  return steps.length === 0 ? NOTHING : steps.map((step) => `${step[above]}: ${major(step.amount_minor, currency)}`).join(', ')
}

/** The steps of such a line; null: it cannot be read. */
export function stepsOf(text: string, currency: string): [above: number, amount: number][] | null {
  if (text.trim() === NOTHING) return []
  const steps = list(text).map((step): [number, number] | null => {
    const [above = '', amount = '', ...more] = step.split(':')
    const units = minor(amount, currency)
    return more.length > 0 || !/^\d+(\.\d+)?$/.test(above.trim()) || units === null ? null : [Number(above), units]
  })
  return steps.length === 0 || steps.includes(null) ? null : (steps as [number, number][])
}

export function ratesForm(rates: Rates | undefined, currency: string): RatesForm {
  const amount = (units?: number) => major(units, currency)
  return {
    base: amount(rates?.base_minor),
    km: amount(rates?.per_km_minor),
    minute: amount(rates?.per_minute_minor),
    stop: amount(rates?.per_stop_minor),
    minimum: amount(rates?.minimum_minor),
    weight: stepsText(rates?.weight, 'above_kg', currency),
    volume: stepsText(rates?.volume, 'above_m3', currency),
    free_minutes: rates?.waiting ? String(rates.waiting.free_minutes) : '',
    waiting: amount(rates?.waiting?.per_minute_minor),
  }
}

export function ratesOf(form: RatesForm, currency: string, was: Rates = {}): Rates {
  const amount = (text: string) => minor(text, currency) ?? undefined
  const waits = form.free_minutes !== '' || form.waiting !== ''
  return known({
    ...was,
    base_minor: amount(form.base),
    per_km_minor: amount(form.km),
    per_minute_minor: amount(form.minute),
    per_stop_minor: amount(form.stop),
    minimum_minor: amount(form.minimum),
    weight: stepsOf(form.weight, currency)?.map(([above_kg, amount_minor]) => ({ above_kg, amount_minor })),
    volume: stepsOf(form.volume, currency)?.map(([above_m3, amount_minor]) => ({ above_m3, amount_minor })),
    waiting: waits ? { free_minutes: Number(form.free_minutes) || 0, per_minute_minor: amount(form.waiting) ?? 0 } : undefined,
  })
}

export const blankSurcharge = (): SurchargeForm => ({
  key: '', label: '', weekdays: [], dates: '', holidays: false, from: '', until: '', by: 'percent', value: '',
})
export const blankFixed = (): FixedForm => ({ from: '', to: '', class: '', amount: '', both_ways: false, all_in: false })
export const blankClass = (name: string): ClassForm => ({ name, rates: ratesForm({}, 'EUR'), own_surge: false, surge: surgeForm(undefined) })

function surchargeForm([key, s]: [string, Surcharge], currency: string): SurchargeForm {
  const by = s.amount_minor === undefined ? 'percent' : 'amount'
  return {
    key,
    label: s.label,
    weekdays: s.weekdays ?? [],
    dates: (s.dates ?? []).join(', '),
    holidays: s.holidays ?? false,
    from: s.from ?? '',
    until: s.until ?? '',
    by,
    value: by === 'percent' ? percentText(s.percent_bp) : major(s.amount_minor, currency),
  }
}

function surchargeOf(form: SurchargeForm, currency: string, was: Surcharge | undefined): Surcharge {
  const dates = list(form.dates)
  return known({
    ...was,
    label: form.label,
    weekdays: form.weekdays.length > 0 ? form.weekdays : undefined,
    dates: dates.length > 0 ? dates : undefined,
    holidays: form.holidays || undefined,
    from: form.from || undefined,
    until: form.until || undefined,
    percent_bp: form.by === 'percent' ? (basisPoints(form.value) ?? undefined) : undefined,
    amount_minor: form.by === 'amount' ? (minor(form.value, currency) ?? undefined) : undefined,
  })
}

export function surgeForm(rules: SurgeRules | undefined): SurgeForm {
  const { on, floor_per_mille, cap_per_mille, step_per_mille } = { ...SURGE, ...rules }
  return { on, floor: factorText(floor_per_mille), cap: factorText(cap_per_mille), step: factorText(step_per_mille) }
}

export function surgeOf(form: SurgeForm): SurgeRules {
  return {
    on: form.on,
    floor_per_mille: perMille(form.floor) ?? SURGE.floor_per_mille,
    cap_per_mille: perMille(form.cap) ?? SURGE.cap_per_mille,
    step_per_mille: perMille(form.step) ?? SURGE.step_per_mille,
  }
}

export function fixedForm(prices: FixedPrice[] | undefined, currency: string): FixedForm[] {
  return (prices ?? []).map((p) => ({
    from: p.from, to: p.to, class: p.class ?? '', amount: major(p.amount_minor, currency), both_ways: p.both_ways ?? false, all_in: p.all_in ?? false,
  }))
}

export function fixedOf(form: FixedForm[], currency: string): FixedPrice[] {
  return form.map((p) =>
    known({
      from: p.from, to: p.to, class: p.class.trim() || undefined, amount_minor: minor(p.amount, currency) ?? 0, both_ways: p.both_ways || undefined, all_in: p.all_in || undefined,
    }),
  )
}

/** What a form can show of a tariff. */
export function formOf(tariff: Tariff): TariffForm {
  const { currency } = tariff
  return {
    name: tariff.name,
    currency,
    quote_minutes: String(tariff.quote_minutes ?? 15),
    rates: ratesForm(tariff.rates, currency),
    zones: Object.entries(tariff.zones ?? {}).map(([name, rates]) => ({ name, rates: ratesForm(rates, currency) })),
    classes: Object.entries(tariff.classes ?? {}).map(([name, c]) => ({
      name, rates: ratesForm(c.rates, currency), own_surge: c.surge !== undefined, surge: surgeForm(c.surge ?? tariff.surge),
    })),
    surcharges: Object.entries(tariff.surcharges ?? {}).map((s) => surchargeForm(s, currency)),
    holidays: (tariff.holidays ?? []).join(', '),
    fixed: fixedForm(tariff.fixed, currency),
    rounded: tariff.rounding !== undefined,
    rounding: { to: major(tariff.rounding?.to_minor, currency), mode: tariff.rounding?.mode ?? 'nearest' },
    taxed: tariff.tax !== undefined,
    tax: { label: tariff.tax?.label ?? '', rate: percentText(tariff.tax?.rate_bp), included: tariff.tax?.included ?? true },
    surge: surgeForm(tariff.surge),
    proof: proofForm(tariff.proof),
  }
}

/** The tariff of a form. What a form does not know is as it was in `was`: it stays as long as what it belongs to. */
export function tariffOf(form: TariffForm, was: Tariff): Tariff {
  const { currency } = form
  const classes = form.classes.map((c): [string, TariffClass] => {
    const before = was.classes?.[c.name]
    return [c.name, known({ ...before, rates: ratesOf(c.rates, currency, before?.rates), surge: c.own_surge ? surgeOf(c.surge) : undefined })]
  })
  const zones = form.zones.map((z): [string, Rates] => [z.name, ratesOf(z.rates, currency, was.zones?.[z.name])])
  const keys = keysOf(form.surcharges)
  const surcharges = form.surcharges.map((s, i): [string, Surcharge] => [keys[i] ?? '', surchargeOf(s, currency, was.surcharges?.[s.key])])
  const holidays = list(form.holidays)
  return known({
    ...was,
    name: form.name.trim(),
    currency,
    quote_minutes: Number(form.quote_minutes),
    rates: ratesOf(form.rates, currency, was.rates),
    zones: zones.length > 0 ? Object.fromEntries(zones) : undefined,
    classes: classes.length > 0 ? Object.fromEntries(classes) : undefined,
    surcharges: surcharges.length > 0 ? Object.fromEntries(surcharges) : undefined,
    holidays: holidays.length > 0 ? holidays : undefined,
    fixed: form.fixed.length > 0 ? fixedOf(form.fixed, currency) : undefined,
    rounding: form.rounded ? { to_minor: minor(form.rounding.to, currency) ?? 0, mode: form.rounding.mode as 'nearest' } : undefined,
    tax: form.taxed ? { label: form.tax.label.trim(), rate_bp: basisPoints(form.tax.rate) ?? 0, included: form.tax.included } : undefined,
    surge: surgeOf(form.surge),
    proof: proofOf(form.proof),
  })
}

/** The names of surcharges: who has none gets one after what customers read: `Night` is `night`, a second one `night-2`. */
export function keysOf(surcharges: SurchargeForm[]): string[] {
  const taken = new Set(surcharges.map((s) => s.key))
  return surcharges.map(({ key, label }) => {
    if (key) return key
    const wanted = label.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 48) || 'surcharge'
    let made = wanted
    for (let n = 2; taken.has(made); n++) made = `${wanted}-${n}`
    taken.add(made)
    return made
  })
}

/** Without what is undefined, so that it reads as the document does. */
function known<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T
}
