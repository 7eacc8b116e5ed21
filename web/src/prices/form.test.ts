import { expect, it } from 'vitest'
import { blankClass, blankFixed, blankSurcharge, formOf, keysOf, ratesForm, ratesOf, stepsOf, tariffOf } from './form'
import { proofWords } from './proof'
import json from '../../../src/pricing/full_tariff.json'
import type { Tariff } from './types'

const full = json as unknown as Tariff

it('makes of a form that nobody touched the tariff that it was', () => {
  expect(tariffOf(formOf(full), full)).toEqual(full)
  const yen: Tariff = { name: 'Y', currency: 'JPY', quote_minutes: 15, rates: { base_minor: 500 }, surge: { on: false, floor_per_mille: 1000, cap_per_mille: 1500, step_per_mille: 100 } }
  expect(tariffOf(formOf(yen), yen)).toEqual(yen)
})

it('keeps what the form does not know', () => {
  const form = formOf(full)
  form.name = ' Winter '
  form.rates.base = '6,50'
  const made = tariffOf(form, { ...full, of_tomorrow: { so: 1 } } as Tariff)
  expect(made).toEqual({ ...full, of_tomorrow: { so: 1 }, name: 'Winter', rates: { ...full.rates, base_minor: 650 } })
  // A class keeps its zones and surcharges when its rates change.
  form.classes[0]!.rates.km = ''
  expect(tariffOf(form, full).classes?.van).toEqual({ ...full.classes?.van, rates: { base_minor: 700 } })
})

it('asks for the proof that is not the usual one', () => {
  const form = formOf(full)
  form.proof.pin = 'required'
  const made = tariffOf(form, full)
  expect(made.proof).toEqual({ ...formOf(full).proof, pin: 'required' })
  expect(proofWords(made.proof)).toContain('required: ')
  expect(proofWords(undefined)).toBe('may be given: Signature, Photo, Bar code, Note')
  expect(tariffOf(formOf({ ...full, proof: undefined }), full).proof).toBeUndefined()
})

it('adds and removes', () => {
  const form = formOf(full)
  form.classes = form.classes.filter((c) => c.name !== 'van')
  form.classes.push({ ...blankClass('bike'), rates: { ...blankClass('bike').rates, minimum: '4' } })
  form.surcharges = [form.surcharges[1]!, { ...blankSurcharge(), label: 'Night', from: '22:00', until: '06:00', value: '25' }]
  form.fixed.push({ ...blankFixed(), from: 'a', to: 'b', amount: '12.5', class: ' van ' })
  Object.assign(form, { rounded: false, taxed: false, holidays: '', zones: [] })
  const made = tariffOf(form, full)
  expect(Object.keys(made.classes ?? {})).toEqual(['truck', 'bike'])
  expect(made.classes?.bike).toEqual({ rates: { minimum_minor: 400 } })
  expect(made.surcharges).toEqual({ weekend: full.surcharges?.weekend, night: { label: 'Night', from: '22:00', until: '06:00', percent_bp: 2500 } })
  expect(made.fixed?.at(-1)).toEqual({ from: 'a', to: 'b', class: 'van', amount_minor: 1250 })
  for (const gone of ['rounding', 'tax', 'holidays', 'zones']) expect(made).not.toHaveProperty(gone)
})

it('counts in the currency of the form', () => {
  const form = formOf(full)
  form.currency = 'KWD'
  expect(tariffOf(form, full).rates).toMatchObject({ base_minor: 5000, per_km_minor: 1200, weight: [{ above_kg: 100, amount_minor: 5000 }, { above_kg: 500, amount_minor: 15_000 }] })
})

it('changes a surcharge from a percentage to an amount', () => {
  const form = formOf(full)
  Object.assign(form.surcharges[0]!, { by: 'amount', value: '3.50' })
  expect(tariffOf(form, full).surcharges?.night).toEqual({ label: 'Night', from: '22:00', until: '06:00', amount_minor: 350 })
})

it('tells no steps from those of the rates below', () => {
  expect(stepsOf('100: 5, 2.5:1.05', 'EUR')).toEqual([[100, 500], [2.5, 105]])
  expect(['', 'none', '100', '100:', 'x: 5', '100: 5.005', '1:2:3', '1e3: 5'].map((text) => stepsOf(text, 'EUR'))).toEqual([null, [], null, null, null, null, null, null])
  expect(ratesOf(ratesForm({ weight: [] }, 'EUR'), 'EUR')).toEqual({ weight: [] })
  expect(ratesOf(ratesForm({}, 'EUR'), 'EUR')).toEqual({})
  expect(ratesOf({ ...ratesForm({}, 'EUR'), free_minutes: '10' }, 'EUR')).toEqual({ waiting: { free_minutes: 10, per_minute_minor: 0 } })
})

it('names each surcharge by a name of its own', () => {
  const named = (...labels: string[]) => labels.map((label) => ({ ...blankSurcharge(), label }))
  expect(keysOf([...named('Night', 'Night', 'Night 2', 'Fête du 14', '深夜'), { ...blankSurcharge(), key: 'night', label: 'x' }])).toEqual([
    'night-2', 'night-3', 'night-2-2', 'fete-du-14', 'surcharge', 'night',
  ])
})
