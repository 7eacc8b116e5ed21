import type { Window } from '../lib/types'

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
