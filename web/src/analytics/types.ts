import type { Money } from '../lib/types'

/** What a time is broken down by. */
export const DIMENSIONS = ['vehicle', 'driver', 'customer', 'class', 'cell'] as const
export type Dimension = (typeof DIMENSIONS)[number]
/** What happened in a time; a mean or share of nothing is null. */
export interface Figures {
  bookings: number
  delivered: number
  cancelled: number
  failed: number
  expired: number
  open: number
  served_ratio: number | null
  assign_mean_s: number | null
  wait_mean_s: number | null
  on_time_ratio: number | null
  utilisation: number | null
  empty_m: number
  loaded_m: number
  busy_s: number
  duty_s: number
  revenue: Money[]
  /** Bookings whose price demand raised. */
  surged: number
  /** Demand's factor, mean over all bookings. */
  surge_mean: number | null
  /** What demand added to what was delivered. */
  surge: Money[]
}
export interface Summary {
  from: string
  to: string
  figures: Figures
  /** Null where nobody waited, and for one of a dimension. */
  wait_p50_s: number | null
  wait_p95_s: number | null
  /** Entries of the journal that are not counted yet. */
  behind: number
}
export interface Point {
  from: string
  to: string
  figures: Figures
}
export interface Ranked {
  key: string
  figures: Figures
}
export type ReportCell = string | number | null
export interface ReportTable {
  name: string
  title: string
  columns: { key: string; title: string; unit?: 's' | 'm' | '%' | 'minor' }[]
  rows: ReportCell[][]
  note?: string
}
export interface Insight {
  kind: string
  title: string
  detail: string
  evidence: { label: string; value: string }[]
  /** The one that it is about, like `vehicle:van-1`. */
  of?: string
}
