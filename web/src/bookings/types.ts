import type { Money, Place, Window } from '../lib/types'
import type { Bill } from '../prices/types'

export interface Site extends Place {
  address?: string | null
  contact?: { name?: string; phone?: string; email?: string } | null
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
  /** What whoever waits for the load tells the driver; a single booking has it, where the tariff asks for one. */
  pin?: string
  warnings?: { kind: 'offline'; vehicle_id: string; since?: string; message: string }[]
}
export interface BookingEvent {
  seq: number
  at: string
  kind: string
  actor: string
  vehicle_id?: string
  data?: { received?: string; reason?: string; cancel_reason?: string; proof?: ProofOfDelivery } & Record<string, unknown>
}
/** What a driver brought home; signature and photos are attachments. */
export interface ProofOfDelivery {
  signature?: string
  photos?: string[]
  barcode?: string
  note?: string
}
export interface Attachment {
  id: string
  media_type: string
  bytes: number
  received_at: string
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
export interface ImportReport {
  dry_run: boolean
  placed: { line: number; id?: string; ref?: string; replayed: boolean }[]
  bad: { line: number; column: string; message: string }[]
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
