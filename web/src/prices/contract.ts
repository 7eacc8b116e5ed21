import { basisPoints, percentText } from '../lib/money'
import { fixedForm, fixedOf, ratesForm, ratesOf, type FixedForm, type RatesForm } from './form'
import type { Contract } from './types'

/** A contract as a form holds it. */
export interface ContractForm {
  customer: string
  label: string
  valid_from: string
  valid_until: string
  discount: string
  without_surge: boolean
  rates: RatesForm
  classes: { name: string; rates: RatesForm }[]
  fixed: FixedForm[]
}

export function contractForm(c: Contract | undefined, currency: string): ContractForm {
  return {
    customer: c?.customer ?? '',
    label: c?.label ?? '',
    valid_from: c?.valid_from ?? '',
    valid_until: c?.valid_until ?? '',
    discount: percentText(c?.discount_bp || undefined),
    without_surge: c?.without_surge ?? false,
    rates: ratesForm(c?.rates, currency),
    classes: Object.entries(c?.classes ?? {}).map(([name, rates]) => ({ name, rates: ratesForm(rates, currency) })),
    fixed: fixedForm(c?.fixed, currency),
  }
}

export function contractOf(form: ContractForm, currency: string): Contract {
  const { customer, label, valid_from, valid_until } = form
  return {
    customer: customer.trim(),
    label: label.trim(),
    ...(valid_from ? { valid_from } : {}),
    ...(valid_until ? { valid_until } : {}),
    discount_bp: basisPoints(form.discount) ?? 0,
    ...(form.without_surge ? { without_surge: true } : {}),
    rates: ratesOf(form.rates, currency),
    ...(form.classes.length > 0 ? { classes: Object.fromEntries(form.classes.map((c) => [c.name, ratesOf(c.rates, currency)])) } : {}),
    ...(form.fixed.length > 0 ? { fixed: fixedOf(form.fixed, currency) } : {}),
  }
}

/** What was agreed on, in a few words. */
export function agreedWords(c: Contract): string {
  const own = Object.keys(c.rates ?? {}).length > 0 || Object.keys(c.classes ?? {}).length > 0
  return [
    c.discount_bp ? `−${percentText(c.discount_bp)} %` : '',
    own ? 'own rates' : '',
    c.fixed?.length ? `${c.fixed.length} fixed ${c.fixed.length === 1 ? 'price' : 'prices'}` : '',
    c.without_surge ? 'whatever the demand' : '',
  ].filter(Boolean).join(', ') || 'nothing'
}

/** On which days it holds. */
export function validWords({ valid_from, valid_until }: Contract): string {
  if (valid_from && valid_until) return `${valid_from} to ${valid_until}`
  return valid_from ? `from ${valid_from} on` : valid_until ? `until ${valid_until}` : 'always'
}
