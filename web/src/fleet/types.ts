import type { Place } from '../lib/types'

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
