import type { Booking, BookingStatus } from '../bookings/types'
import { BOOKING, type Look } from '../lib/status'

/** Something that happens to a booking on its way to the end. */
export interface Step {
  name: string
  /** When it happened; without it, it has not yet. */
  at?: string
  /** When it is expected to. */
  expected?: string
  /** The last that happened. */
  now: boolean
}

type Time = 'created_at' | 'assigned_at' | 'arrived_at' | 'picked_up_at' | 'delivered_at'
const WAY: [name: string, time: Time, reached: BookingStatus[]][] = [
  ['Booked', 'created_at', ['scheduled', 'waiting', 'offered']],
  ['A vehicle has it', 'assigned_at', ['assigned']],
  ['At the pickup', 'arrived_at', ['arrived']],
  ['Picked up', 'picked_up_at', ['picked_up']],
  ['Delivered', 'delivered_at', ['delivered']],
]
const ENDS: Partial<Record<BookingStatus, string>> = { cancelled: 'Cancelled', failed: 'Could not be done', expired: 'Given up: nobody had it in time' }

/** What happened to it and what is to come, in order. What ended before its time has nothing to come. */
export function stepsOf(b: Booking): Step[] {
  const end = ENDS[b.status]
  const at = WAY.findIndex(([, , statuses]) => statuses.includes(b.status))
  const steps = WAY.map(([name, time], i): Step => {
    const expected = { arrived_at: b.eta?.pickup_at, delivered_at: b.eta?.dropoff_at }[time as string]
    const happened = end ? b[time] : i <= at && b[time]
    return { name, now: i === at, ...(happened ? { at: happened } : expected ? { expected } : {}) }
  })
  if (!end) return steps
  const happened = steps.flatMap(({ expected: _, ...step }) => (step.at ? [step] : []))
  return [...happened, { name: end, at: b.ended_at ?? b.updated_at, now: true }]
}

/** To whom it was offered is the depot's business. */
export const lookOf = (b: Pick<Booking, 'status'>): Look => BOOKING[b.status === 'offered' ? 'waiting' : b.status]

/** A customer calls off what no vehicle has yet. */
export const mayCancel = (b: Pick<Booking, 'status' | 'origin'>): boolean => b.origin !== 'head_office' && ['scheduled', 'waiting', 'offered'].includes(b.status)

export const OPEN: BookingStatus[] = ['scheduled', 'waiting', 'offered', 'assigned', 'arrived', 'picked_up']
export const PAST: BookingStatus[] = ['delivered', 'cancelled', 'failed', 'expired']
