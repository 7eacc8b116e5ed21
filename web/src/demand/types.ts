import type { Place } from '../lib/types'
import type { LonLat } from '../map/geo'

/** What to expect in an hour: four times out of five it is within the outer two. */
export interface Expected {
  from: string
  mean: number
  p10: number
  p50: number
  p90: number
}
/** Demand's factor for a class of vehicles; without one: for trips that ask for none. */
export interface Surged {
  class?: string
  factor: number
  reason: string
}
export interface Cell {
  cell: string
  /** Its border, closed. */
  polygon: LonLat[]
  /** Who waits and who is free there now; nobody in the picture of another hour. */
  waiting: number
  free: number
  requests: number
  forecast?: Expected
  surge?: Surged[]
}
export interface Picture {
  at: string
  resolution: number
  /** Missing while there is no forecast. */
  forecast_made_at?: string
  items: Cell[]
}
export interface StaffingHour {
  from: string
  expected: Expected
  needed: number
  planned: number
}
export interface Shortage {
  from: string
  to: string
  /** In the worst of its hours. */
  short: number
}
export interface Staffing {
  forecast_made_at: string
  job_s: number
  utilisation: number
  hours: StaffingHour[]
  shortages: Shortage[]
}
/** Where an idle vehicle had better wait. */
export interface Advice {
  vehicle_id: string
  /** Where it was then. */
  from: Place
  to: Place
  cell: string
  /** Requests in that cell and around it within half an hour. */
  expected: number
  reason: string
  made_at: string
  until: string
}
/** How the hours of a day went beside what was forecast of them. */
export interface Errors {
  hours: number
  requests: number
  error: number
  /** Had every hour gone as that of the week before. */
  last_week_error?: number
  covered: number
}
export interface ForecastDay {
  day: string
  all?: Errors
  /** Of the busy cells, each hour of each by itself. */
  cells?: Errors
}
