/** Shapes of the HTTP API (`/openapi.json` has them all). */
export interface Place {
  lat: number
  lon: number
}
export interface Site extends Place {
  address?: string | null
  contact?: { name?: string; phone?: string; email?: string } | null
}
/** Between when and when. */
export interface Window {
  from: string
  until: string
}
export interface Stop extends Site {
  kind: 'pickup' | 'dropoff' | 'visit'
  notes?: string | null
}
export type Priority = 'low' | 'normal' | 'high' | 'urgent'
export interface JobEta {
  pickup_at?: string
  dropoff_at: string
  source: 'road' | 'cache' | 'learned' | 'great_circle'
  late_s?: number
  computed_at: string
}
export interface Money {
  amount_minor: number
  currency: string
}
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
export type BookingStatus =
  | 'scheduled' | 'waiting' | 'offered' | 'assigned' | 'arrived' | 'picked_up' | 'delivered' | 'cancelled' | 'failed' | 'expired'
export interface Booking {
  id: string
  ref: string
  status: BookingStatus
  pickup: Site
  dropoff: Site
  stops?: Stop[]
  pickup_at?: string | null
  pickup_window?: Window | null
  dropoff_window?: Window | null
  vehicle_class?: string | null
  load_kg?: number | null
  load_m3?: number | null
  pieces?: number | null
  skills?: string[]
  customer?: string | null
  customer_reference?: string | null
  priority?: Priority
  notes?: string | null
  expires_at?: string | null
  vehicle_id?: string | null
  price: Money
  distance_m: number
  duration_s: number
  created_at: string
  updated_at: string
  assigned_at?: string | null
  arrived_at?: string | null
  picked_up_at?: string | null
  delivered_at?: string | null
  ended_at?: string | null
  failed_at?: string | null
  cancel_reason?: string | null
  version: number
  locked?: boolean
  origin?: 'head_office'
  recurrence_id?: string
  eta?: JobEta
  /** Only a single booking has it, and none from before bills were kept. */
  bill?: Bill
  warnings?: { kind: 'offline'; vehicle_id: string; since?: string; message: string }[]
}
export interface Page<T> {
  items: T[]
  next: string | null
}
export interface BookingEvent {
  seq: number
  at: string
  kind: string
  actor: string
  vehicle_id?: string
  data?: { received?: string; reason?: string; cancel_reason?: string } & Record<string, unknown>
}
export interface Candidate {
  vehicle_id: string
  cost: number
  eta_s: number
  distance_m: number
  factors: { name: string; value: number }[]
  chosen: boolean
  lost_to?: string
}
export interface Round {
  round: number
  at: string
  /** How many rounds said the same one after the other, and when the last of them was. */
  rounds?: number
  until?: string
  policy: string
  trigger: string
  chosen?: string
  promised?: string
  asked?: string[]
  blocked_by?: { reasons: string[]; vehicle_id?: string }
  override?: string[]
  sentence: string
  candidates: Candidate[]
  excluded: { vehicle_id: string; reason: string; detail: string }[]
  excluded_total: Record<string, number>
}
export type VehicleStatus = 'free' | 'en_route' | 'loading' | 'offline' | 'off_duty' | 'paused'
export interface Fix extends Place {
  ts: string
  speed_kmh?: number | null
  course?: number | null
  accuracy_m?: number | null
  ignition?: boolean | null
  battery?: number | null
  flags?: string[]
}
export interface Vehicle {
  id: string
  class: string
  capacity_kg?: number | null
  skills?: string[]
  on_duty: boolean
  status: VehicleStatus
  online: boolean
  booking_id?: string | null
  last_fix: Fix | null
  fix_age_s?: number | null
}
export interface Rejection {
  at: string
  topic: string
  reason: string
  payload: string
}
export interface Device {
  id: string
  vehicle: string
  format: string
  revoked: boolean
  created_at: string
  online: boolean
  rejected?: { items: Rejection[] }
}
export interface Credential {
  id: string
  vehicle: string
  format: string
  username: string
  password: string
  topics: { publish: string[]; subscribe: string[] }
  mqtt?: string[]
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
export const ROLES = ['admin', 'dispatcher', 'viewer'] as const
export interface User {
  name: string
  role: string
  disabled: boolean
  created_at: string
}
export interface Token {
  id: string
  name: string
  role: string
  scopes: string[]
  created_at: string
  expires_at?: string | null
  last_used_at?: string | null
  revoked_at?: string | null
}
export interface Session {
  user: { name: string; role: string } | null
  setup_needed: boolean
  depot: { name: string; centre: Place; zone: string }
  demo: boolean
  version: string
}

export interface ImportReport {
  dry_run: boolean
  placed: { line: number; id?: string; ref?: string; replayed: boolean }[]
  bad: { line: number; column: string; message: string }[]
}
export interface Slot {
  at: string
  local: string
  offset_changes: boolean
}
export interface ScheduleRun {
  id: number
  slot: string
  attempt: number
  trigger: 'cron' | 'missed' | 'retry' | 'manual'
  result: 'running' | 'ok' | 'failed' | 'missed'
  started_at: string
  finished_at?: string
  duration_s?: number
  message?: string
}
export const SCHEDULE_KINDS = ['release', 'dispatch', 'plan_tomorrow', 'reminders', 'report', 'backup', 'retention', 'sync', 'forecast'] as const
export interface Schedule {
  id: string
  name: string
  kind: string
  cron: string
  words: string
  zone: string
  enabled: boolean
  missed: 'skip' | 'run_once'
  attempts: number
  backoff_s: number
  next: Slot[]
  last_run?: ScheduleRun
  version: number
}
export interface Recurrence {
  id: string
  order: { pickup: Site; dropoff: Site; customer?: string | null }
  rule: string
  start_date: string
  start_time: string
  zone: string
  window_minutes?: number
  missing_hour?: 'earlier' | 'later' | 'skip'
  repeated_hour?: 'first' | 'second'
  paused: boolean
  last_result?: { at: string; result: 'ok' | 'failed'; placed: number; message?: string }
  version: number
}
export interface Offer {
  vehicle_id: string
  state: 'open' | 'accepted' | 'declined' | 'timed_out' | 'withdrawn'
  offered_at: string
  expires_at: string
  answered_at?: string
  reason?: string
}
export interface DaySummary {
  day: string
  made_at: string
}
export interface DayPlan {
  day: string
  zone: string
  made_at: string
  basis: 'shifts' | 'fleet'
  vehicles: number
  served: { booking_id: string; ref: string; vehicle_id: string; pickup_at: string; late_s: number }[]
  unserved: { booking_id: string; ref: string; pickup_at: string; lack: 'none_fits' | 'none_free' }[]
}
export interface Report {
  day: string
  zone: string
  made_at: string
  bookings: number
  delivered: number
  cancelled: number
  failed: number
  expired: number
  open: number
  assign_mean_s: number | null
  wait_mean_s: number | null
  wait_p95_s: number | null
  on_time_ratio: number | null
  loaded_m: number
  vehicles: number
  revenue_minor: Record<string, number>
}
export type DriverStatus = 'off_duty' | 'on_duty' | 'break' | 'hours'
export interface Driver {
  id: string
  name: string
  phone: string | null
  email: string | null
  skills: string[]
  user: string | null
  max_day_s: number | null
  max_week_s: number | null
  active: boolean
  status: DriverStatus
  duty: { vehicle_id: string; since: string; break_since: string | null } | null
  hours: { today_s: number; week_s: number; max_day_s: number; max_week_s: number; left_s: number }
  version: number
}
export interface Shift {
  id: string
  driver_id: string
  vehicle_id: string | null
  from: string
  until: string
  break: Window | null
  version: number
}
export interface Duty {
  id: string
  vehicle_id: string
  from: string
  until: string | null
  breaks: { from: string; until: string | null }[]
  worked_s: number
}
/** Where a value is from when nothing lies over what depotd was started with. */
export type BaseOrigin = 'default' | 'file' | 'env' | 'flag'
export interface Setting {
  key: string
  about: string
  /** May it change while depotd runs? */
  live: boolean
  value: unknown
  origin: BaseOrigin | 'head_office' | 'override'
  base_value: unknown
  base_origin: BaseOrigin
  from_above?: { value: unknown; cmd_id: string; at: string; set_aside?: string[] }
  override?: { value: unknown; until: string; actor: string; reason: string; at: string; set_aside?: string[] }
}
export type LineMode = 'offline' | 'catching_up' | 'live' | 'paused' | 'closed'
export interface SyncLane {
  lane: 'bookings' | 'dispatch' | 'live' | 'history'
  head: number
  through: number
  backlog: number
  oldest: string | null
  acked_at: string | null
  records: number
  bytes: number
  lost: number
  /** A batch that the sink does not take; the other lanes go on. */
  held_up: { first: number; fault: string; refused: boolean; failures: number; next_attempt_at: string } | null
}
export interface SyncDifference {
  lane: SyncLane['lane']
  /** UTC; `unknown` where only the other side could say it. */
  day: string
  missing: number[]
  unknown: number[]
  changed: number[]
}
export interface SyncSink {
  name: string
  kind: string
  mode: LineMode
  since: string
  paused_by: string | null
  fault: string | null
  failures: number
  next_attempt_at: string | null
  lanes: SyncLane[]
  verified: { at: string; days: number; records: number; differences: SyncDifference[] } | null
  verify_fault: string | null
}
export interface Sync {
  depot: string
  configured: boolean
  sinks: SyncSink[]
}
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
