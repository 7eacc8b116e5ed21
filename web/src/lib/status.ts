import type { Booking, BookingStatus } from '../bookings/types'
import type { DriverStatus } from '../drivers/types'
import type { VehicleStatus } from '../fleet/types'
import type { ScheduleRun } from '../schedules/types'
import type { LineMode } from '../sync/types'

export type Shape = 'circle' | 'triangle' | 'square' | 'ring' | 'dash' | 'plus' | 'diamond' | 'check' | 'cross'
export interface Look {
  word: string
  shape: Shape
  colour: string
}

/** Colour, shape and word together: no meaning by colour alone (Okabe-Ito colours). */
export const VEHICLE: Record<VehicleStatus, Look> = {
  free: { word: 'free', shape: 'circle', colour: '#009e73' },
  en_route: { word: 'en route', shape: 'triangle', colour: '#0072b2' },
  loading: { word: 'loading', shape: 'square', colour: '#e69f00' },
  offline: { word: 'offline', shape: 'ring', colour: '#7f7f7f' },
  off_duty: { word: 'off duty', shape: 'dash', colour: '#7f7f7f' },
  paused: { word: 'paused', shape: 'diamond', colour: '#7f7f7f' },
}
export const UNASSIGNED: Look = { word: 'unassigned', shape: 'plus', colour: '#cc79a7' }

/** In the order of the live view's status codes. */
export const VEHICLE_CODES: VehicleStatus[] = ['free', 'en_route', 'loading', 'offline', 'off_duty', 'paused']

export const BOOKING: Record<BookingStatus, Look> = {
  scheduled: { word: 'scheduled', shape: 'ring', colour: '#cc79a7' },
  waiting: { word: 'waiting', shape: 'plus', colour: '#cc79a7' },
  offered: { word: 'offered', shape: 'plus', colour: '#cc79a7' },
  assigned: { word: 'assigned', shape: 'triangle', colour: '#0072b2' },
  arrived: { word: 'at pickup', shape: 'square', colour: '#e69f00' },
  picked_up: { word: 'picked up', shape: 'triangle', colour: '#0072b2' },
  delivered: { word: 'delivered', shape: 'check', colour: '#009e73' },
  cancelled: { word: 'cancelled', shape: 'cross', colour: '#7f7f7f' },
  failed: { word: 'failed', shape: 'diamond', colour: '#d55e00' },
  expired: { word: 'expired', shape: 'diamond', colour: '#d55e00' },
}

const FINAL = new Set<BookingStatus>(['delivered', 'cancelled', 'failed', 'expired'])
export const isFinal = (b: Pick<Booking, 'status'>) => FINAL.has(b.status)
export const isUnassigned = (b: Pick<Booking, 'status'>) => b.status === 'waiting' || b.status === 'offered'

export const DRIVER: Record<DriverStatus, Look> = {
  on_duty: { word: 'on duty', shape: 'circle', colour: '#009e73' },
  break: { word: 'on a break', shape: 'square', colour: '#e69f00' },
  hours: { word: 'out of hours', shape: 'diamond', colour: '#d55e00' },
  off_duty: { word: 'off duty', shape: 'dash', colour: '#7f7f7f' },
}
export const RUN: Record<ScheduleRun['result'], Look> = {
  running: { word: 'running', shape: 'triangle', colour: '#0072b2' },
  ok: { word: 'ok', shape: 'check', colour: '#009e73' },
  failed: { word: 'failed', shape: 'diamond', colour: '#d55e00' },
  missed: { word: 'missed', shape: 'ring', colour: '#7f7f7f' },
}
export const LINE: Record<LineMode | 'connecting', Look> = {
  live: { word: 'live', shape: 'circle', colour: '#009e73' },
  catching_up: { word: 'catching up', shape: 'triangle', colour: '#0072b2' },
  offline: { word: 'offline', shape: 'ring', colour: '#7f7f7f' },
  connecting: { word: 'connecting', shape: 'ring', colour: '#0072b2' },
  paused: { word: 'paused', shape: 'square', colour: '#e69f00' },
  closed: { word: 'outside its hours', shape: 'dash', colour: '#7f7f7f' },
}
