/** Shapes of the HTTP API (`/openapi.json` has them all). */
export interface Place {
  lat: number
  lon: number
}
export interface Site extends Place {
  address?: string | null
}
export interface Money {
  amount_minor: number
  currency: string
}
export type BookingStatus =
  | 'scheduled' | 'waiting' | 'offered' | 'assigned' | 'arrived' | 'picked_up' | 'delivered' | 'cancelled' | 'failed' | 'expired'
export interface Booking {
  id: string
  ref: string
  status: BookingStatus
  pickup: Site
  dropoff: Site
  pickup_at?: string | null
  vehicle_class?: string | null
  load_kg?: number | null
  skills?: string[]
  customer?: string | null
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
  cancelled_at?: string | null
  cancel_reason?: string | null
  version: number
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
  data?: { received?: string; reason?: string } & Record<string, unknown>
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
  policy: string
  trigger: string
  chosen?: string
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
  breakdown: { label: string; amount_minor: number }[]
  surge: number
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
