import type { BookingEvent } from '../bookings/types'
import type { Delivery } from './types'

/** A message for staff: what a rule said to them. */
export interface Told {
  /** Of its delivery. */
  id: string
  at: string
  subject: string
  /** Missing where only the delivery is known. */
  text?: string
  booking?: string
  read: boolean
}

/** Messages that are kept. */
export const MOST = 50
/** On a computer that kept none yet, in ms: what is older is no news. */
const NEWS = 86_400_000

/** The messages for staff in what happened to a booking. One for a driver names his vehicle. */
export function ofStory(booking: string, events: BookingEvent[]): Told[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return events
    .filter((e) => e.kind === 'sent' && !e.vehicle_id && text(e.data?.delivery_id))
    .map((e) => ({ id: text(e.data?.delivery_id), at: e.at, subject: text(e.data?.subject), text: text(e.data?.text), booking, read: false }))
}

/** Those among what was said; one for a driver names its recipient. */
export function ofDeliveries(items: Delivery[]): Told[] {
  return items
    .filter((d) => d.channel === 'message' && d.state === 'sent' && !d.recipient)
    .map((d) => ({ id: d.id, at: d.done_at ?? d.created_at, subject: d.subject, booking: d.booking_id, read: false }))
}

/** What is kept, and what came: newest first; each once, and read when it was read. */
export function gathered(kept: Told[], came: Told[]): Told[] {
  const all = new Map(kept.map((told) => [told.id, told]))
  for (const told of came) {
    const known = all.get(told.id)
    all.set(told.id, known ? { ...known, ...told, text: told.text ?? known.text, read: known.read } : told)
  }
  return [...all.values()].sort((a, b) => b.at.localeCompare(a.at) || b.id.localeCompare(a.id)).slice(0, MOST)
}

/** As on the first day: what is old counts as read. */
export function aged(items: Told[], now: number): Told[] {
  return items.map((told) => (Date.parse(told.at) < now - NEWS ? { ...told, read: true } : told))
}

/** What the browser keeps of one user's messages. */
export interface Kept {
  items: Told[]
  /** When the newest dead letter was given up that was looked at. */
  looked: string
}

/** What was kept, as far as it can be read; null: nothing was. */
export function parsed(text: string | null): Kept | null {
  try {
    const { items, looked } = JSON.parse(text ?? 'null') as Partial<Kept>
    if (!Array.isArray(items)) return null
    const sound = (t: Partial<Told> | null) => typeof t?.id === 'string' && typeof t.at === 'string' && typeof t.subject === 'string' && typeof t.read === 'boolean'
    return { items: items.filter(sound), looked: typeof looked === 'string' ? looked : '' }
  } catch {
    return null
  }
}
