import type { Summary } from '../analytics/types'
import type { StaffMessage } from '../notify/types'
import type { Booking } from '../bookings/types'
import type { VehicleStatus } from '../fleet/types'
import { isFinal, isUnassigned, VEHICLE_CODES } from '../lib/status'

/** A vehicle as the live view knows it. A change makes a new one, so that whoever shows the old one can tell. */
export interface Live {
  readonly idx: number
  readonly id: string
  readonly class: string
  readonly lat: number | null
  readonly lon: number | null
  readonly course: number | null
  readonly speed: number | null
  readonly status: VehicleStatus
  /** Time of the fix in ms since 1970. */
  readonly fix: number | null
}

type Num = number | null
type Delta = [idx: number, lat: Num, lon: Num, course: Num, speed: Num, status: number, fix: Num]
type Full = [idx: number, id: string, cls: string, lat: Num, lon: Num, course: Num, speed: Num, status: number, fix: Num, booking: string | null]
export type Frame =
  | { t: 'snapshot'; seq: number; now: number; vehicles: Full[]; bookings: Booking[] }
  | { t: 'delta'; seq: number; now: number; v?: Delta[]; new?: [number, string, string][]; b?: Booking[] }
  | { t: 'figures'; seq: number; now: number; summary: Summary }
  | { t: 'message'; seq: number; now: number; message: StaffMessage }
  | { t: 'sel'; seq: number; v: Delta | Delta[] }

const CLOSED_KEPT = 200

/** All that the live view shows, kept up to date by the socket's frames. Pure: no clock, no network. */
export class World {
  vehicles = new Map<number, Live>()
  byId = new Map<string, Live>()
  /** Bookings that may still change. */
  open = new Map<string, Booking>()
  /** The ones that ended lately, so that a selected booking can be seen to end. */
  closed = new Map<string, Booking>()
  /** The open booking of a vehicle. */
  job = new Map<string, Booking>()
  /** What happened today so far, while it is asked for. */
  figures: Summary | null = null
  seq = -1

  /** Takes a frame; `false`: a frame is missing or makes no sense, so ask for a new snapshot. */
  apply(frame: Frame): boolean {
    if (frame.t === 'snapshot') {
      this.seq = frame.seq
      this.vehicles.clear()
      this.byId.clear()
      this.open.clear()
      this.job.clear()
      for (const [idx, id, cls, ...state] of frame.vehicles) {
        this.add(idx, id, cls)
        this.move([idx, ...(state.slice(0, 6) as [Num, Num, Num, Num, number, Num])])
      }
      for (const booking of frame.bookings) this.book(booking)
      return true
    }
    if (this.seq < 0 || frame.seq <= this.seq) return false
    this.seq = frame.seq
    if (frame.t === 'figures') {
      this.figures = frame.summary
      return true
    }
    if (frame.t === 'message') return true
    if (frame.t === 'sel') {
      const rows = Array.isArray(frame.v[0]) ? (frame.v as Delta[]) : [frame.v as Delta]
      for (const row of rows) this.move(row)
      return true
    }
    for (const [idx, id, cls] of frame.new ?? []) this.add(idx, id, cls)
    for (const row of frame.v ?? []) this.move(row)
    for (const booking of frame.b ?? []) this.book(booking)
    return true
  }

  booking(id: string): Booking | undefined {
    return this.open.get(id) ?? this.closed.get(id)
  }

  unassigned(): Booking[] {
    const waits = [...this.open.values()].filter(isUnassigned)
    return waits.sort((a, b) => (a.pickup_at ?? a.created_at).localeCompare(b.pickup_at ?? b.created_at))
  }

  counts(): Record<VehicleStatus, number> {
    const counts = { free: 0, en_route: 0, loading: 0, offline: 0, off_duty: 0, paused: 0 }
    for (const vehicle of this.vehicles.values()) counts[vehicle.status] += 1
    return counts
  }

  /** Takes a booking from elsewhere (an answer of the API), unless a newer one is known. */
  book(booking: Booking): void {
    const known = this.booking(booking.id)
    if (known && known.version > booking.version) return
    if (known?.vehicle_id && this.job.get(known.vehicle_id)?.id === booking.id) this.job.delete(known.vehicle_id)
    if (isFinal(booking)) {
      this.open.delete(booking.id)
      this.closed.set(booking.id, booking)
      if (this.closed.size > CLOSED_KEPT) this.closed.delete(this.closed.keys().next().value ?? '')
      return
    }
    this.open.set(booking.id, booking)
    if (booking.vehicle_id) this.job.set(booking.vehicle_id, booking)
  }

  private add(idx: number, id: string, cls: string): void {
    this.put({ idx, id, class: cls, lat: null, lon: null, course: null, speed: null, status: 'offline', fix: null })
  }

  private move([idx, lat, lon, course, speed, status, fix]: Delta): void {
    const vehicle = this.vehicles.get(idx)
    if (!vehicle) return
    this.put({
      ...vehicle,
      lat: lat === null ? null : lat / 1e5,
      lon: lon === null ? null : lon / 1e5,
      course,
      speed,
      status: VEHICLE_CODES[status] ?? 'offline',
      fix,
    })
  }

  private put(vehicle: Live): void {
    this.vehicles.set(vehicle.idx, vehicle)
    this.byId.set(vehicle.id, vehicle)
  }
}

/** Milliseconds before try number `n` (from 0) to connect again; half of it is chance, so that a hall full of screens does not return at once. */
export function backoff(n: number, chance: number): number {
  const full = Math.min(15_000, 500 * 2 ** Math.min(n, 10))
  return full / 2 + (full / 2) * chance
}
