import { basisPoints, major, minor, percentText } from '../lib/money'
import type { Promo } from './types'

/** A promo code as a form holds it; times are instants, empty: none. */
export interface PromoForm {
  code: string
  by: 'percent' | 'amount'
  value: string
  most: string
  valid_from: string
  valid_until: string
  total: number | null
  each: number | null
  minimum: string
}

export function promoForm(p: Promo | undefined, currency: string): PromoForm {
  const by = p?.amount_minor === undefined ? 'percent' : 'amount'
  return {
    code: p?.code ?? '',
    by,
    value: by === 'percent' ? percentText(p?.percent_bp) : major(p?.amount_minor, currency),
    most: major(p?.most_minor, currency),
    valid_from: p?.valid_from ?? '',
    valid_until: p?.valid_until ?? '',
    total: p?.limit_total ?? null,
    each: p?.limit_per_customer ?? null,
    minimum: major(p?.minimum_price_minor, currency),
  }
}

export function promoOf(form: PromoForm, currency: string): Promo {
  const all: { [K in keyof Promo]: Promo[K] | null } = {
    code: form.code.trim().toUpperCase(),
    percent_bp: form.by === 'percent' ? basisPoints(form.value) : null,
    amount_minor: form.by === 'amount' ? minor(form.value, currency) : null,
    most_minor: form.by === 'percent' ? minor(form.most, currency) : null,
    valid_from: form.valid_from || null,
    valid_until: form.valid_until || null,
    limit_total: form.total,
    limit_per_customer: form.each,
    minimum_price_minor: minor(form.minimum, currency),
  }
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== null)) as unknown as Promo
}
