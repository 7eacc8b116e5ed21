import type { StaffMessage } from './types'

/** A message for staff: what a rule said to them. */
export interface Told {
  /** Of its delivery. */
  id: string
  at: string
  subject: string
  text: string
  booking?: string
  read: boolean
}

/** Messages that are kept. */
export const MOST = 50
/** On a computer that kept none yet, in ms: what is older is no news. */
const NEWS = 86_400_000

/** It, as it is kept until it is read. */
export const toldOf = ({ id, at, subject, text, booking_id }: StaffMessage): Told => ({ id, at, subject, text, booking: booking_id, read: false })

/** What is kept, and what came: newest first; each once, and read when it was read. */
export function gathered(kept: Told[], came: Told[]): Told[] {
  const all = new Map(kept.map((told) => [told.id, told]))
  for (const told of came) {
    const known = all.get(told.id)
    all.set(told.id, known ?? told)
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
    const sound = (t: Partial<Told> | null) => typeof t?.id === 'string' && typeof t.at === 'string' && typeof t.subject === 'string' && typeof t.text === 'string' && typeof t.read === 'boolean'
    return { items: items.filter(sound), looked: typeof looked === 'string' ? looked : '' }
  } catch {
    return null
  }
}
