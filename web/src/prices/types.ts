import type { ProofRules } from './proof'
import type { MultiPolygon, Polygon } from 'geojson'
import type { Money } from '../lib/types'

/** One line of a price; its amount is negative where it is a reduction. */
export interface PriceLine {
  kind: string
  label: string
  amount_minor: number
}
/** What a price is made of. */
export interface Bill {
  /** 0 is the flat tariff of the settings. */
  tariff_version: number
  lines: PriceLine[]
  tax_minor: number
  surge_per_mille: number
  promo_code?: string
}
export interface Quote {
  id: string
  price: Money
  breakdown: PriceLine[]
  surge: number
  tariff_version: number
  tax_minor: number
  promo_code?: string
  distance_m: number
  duration_s: number
  expires_at: string
}
/** What a trip's parts cost, in minor units. What is left out is as in the rates below. */
export interface Rates {
  base_minor?: number
  per_km_minor?: number
  per_minute_minor?: number
  per_stop_minor?: number
  weight?: { above_kg: number; amount_minor: number }[]
  volume?: { above_m3: number; amount_minor: number }[]
  waiting?: { free_minutes: number; per_minute_minor: number }
  minimum_minor?: number
}
export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
export type Weekday = (typeof WEEKDAYS)[number]
export interface Surcharge {
  label: string
  weekdays?: Weekday[]
  dates?: string[]
  holidays?: boolean
  from?: string
  until?: string
  percent_bp?: number
  amount_minor?: number
}
export interface SurgeRules {
  on: boolean
  floor_per_mille: number
  cap_per_mille: number
  step_per_mille: number
}
export interface TariffClass {
  rates?: Rates
  zones?: Record<string, Rates>
  surcharges?: Record<string, Surcharge>
  surge?: SurgeRules
}
export interface FixedPrice {
  from: string
  to: string
  class?: string
  amount_minor: number
  both_ways?: boolean
  all_in?: boolean
}
export interface Tariff {
  name: string
  currency: string
  quote_minutes?: number
  rates?: Rates
  zones?: Record<string, Rates>
  classes?: Record<string, TariffClass>
  surcharges?: Record<string, Surcharge>
  holidays?: string[]
  fixed?: FixedPrice[]
  rounding?: { to_minor: number; mode: 'nearest' | 'up' | 'down' }
  tax?: { label: string; rate_bp: number; included: boolean }
  surge?: SurgeRules
  proof?: ProofRules
}
export interface TariffSummary {
  version: number
  name: string
  state: 'coming' | 'in_effect' | 'past' | 'withdrawn'
  starts_at?: string
  made_by: string
  made_at?: string
}
export interface TariffVersion extends TariffSummary {
  tariff: Tariff
}
/** What some bookings come to by two tariffs. */
export interface Totals {
  bookings: number
  up: number
  down: number
  old_minor: number
  new_minor: number
}
export interface Groups {
  /** Without a name: those of no class, of no customer. */
  largest: { name: string | null; totals: Totals }[]
  others: number
  others_totals: Totals
}
export interface DryRun {
  currency: string
  all: Totals
  by_class: Groups
  by_customer: Groups
  changes: { booking: string; reference: string; class: string | null; customer: string | null; old_minor: number; new_minor: number }[]
}
/** What every document that is kept has beside what it says. */
export interface Kept {
  version: number
  updated_at: string
}
export type ZoneArea = Pick<Polygon, 'type' | 'coordinates'> | Pick<MultiPolygon, 'type' | 'coordinates'>
export interface Zone {
  id: string
  name: string
  priority: number
  area: ZoneArea
}
export interface Contract {
  customer: string
  label: string
  valid_from?: string
  valid_until?: string
  discount_bp?: number
  without_surge?: boolean
  rates?: Rates
  classes?: Record<string, Rates>
  fixed?: FixedPrice[]
}
export interface Promo {
  code: string
  percent_bp?: number
  amount_minor?: number
  most_minor?: number
  valid_from?: string
  valid_until?: string
  limit_total?: number
  limit_per_customer?: number
  minimum_price_minor?: number
}
