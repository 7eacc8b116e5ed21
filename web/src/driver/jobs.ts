import type { Booking, BookingStatus } from '../bookings/types'
import type { Place } from '../lib/types'
import type { Queued, StepName } from './types'

const WAY: BookingStatus[] = ['scheduled', 'waiting', 'offered', 'assigned', 'arrived', 'picked_up', 'delivered', 'failed']
const NEXT: Partial<Record<BookingStatus, StepName>> = { assigned: 'arrived', arrived: 'picked_up', picked_up: 'delivered' }

/** A job as it stands with what the depot does not know of yet. */
export function after(job: Booking, queued: Queued[]): Booking {
  const made = queued.filter((s) => s.booking_id === job.id && !s.refused).map((s) => WAY.indexOf(s.step))
  const status = WAY[Math.max(WAY.indexOf(job.status), ...made)] ?? job.status
  return { ...job, status }
}

/** Those that are still to be done, in the depot's order, but first those whose load is on board. */
export function toDo(jobs: Booking[], queued: Queued[]): Booking[] {
  const open = jobs.map((job) => after(job, queued)).filter((job) => NEXT[job.status])
  return [...open.filter((j) => j.status === 'picked_up' || j.status === 'arrived'), ...open.filter((j) => j.status === 'assigned')]
}

export const nextStep = (job: Pick<Booking, 'status'>): StepName | null => NEXT[job.status] ?? null

export const STEP_WORDS: Record<StepName, string> = { arrived: 'I am at the pickup', picked_up: 'The load is on board', delivered: 'Delivered', failed: 'It cannot be done' }
export const DONE_WORDS: Record<StepName, string> = { arrived: 'at the pickup', picked_up: 'picked up', delivered: 'delivered', failed: 'could not be done' }

/** A straight line over the ground in metres (haversine, mean radius of the earth). */
export function metres(a: Place, b: Place): number {
  const rad = (degrees: number) => (degrees * Math.PI) / 180
  const h = Math.sin(rad(b.lat - a.lat) / 2) ** 2 + Math.cos(rad(a.lat)) * Math.cos(rad(b.lat)) * Math.sin(rad(b.lon - a.lon) / 2) ** 2
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Places on a sheet of this size, north up, with this much room at its edges; as far apart both ways as they are over the ground. */
export function sketch(places: Place[], width: number, height: number, margin: number): { x: number; y: number }[] {
  const [lats, lons] = [places.map((p) => p.lat), places.map((p) => p.lon)]
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)]
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180)
  const scale = Math.min((width - 2 * margin) / Math.max((east - west) * squeeze, 1e-6), (height - 2 * margin) / Math.max(north - south, 1e-6))
  return places.map((p) => ({
    x: width / 2 + (p.lon - (west + east) / 2) * squeeze * scale,
    y: height / 2 - (p.lat - (south + north) / 2) * scale,
  }))
}
