/** The hours that the time slider reaches. They are the depot's: whole hours UTC, told in its zone. */
import { instants, localTime, offsetOf } from '../lib/zoned'

export const HOUR = 3_600_000
/** So many hours before and after the present one. */
export const [BACK, AHEAD] = [24, 7 * 24]

export const hourOf = (at: number) => Math.floor(at / HOUR) * HOUR

/** The hour that an address names; null: the present one, or none that is within reach. */
export function hourNamed(address: string | null, present: number): number | null {
  const hour = hourOf(Date.parse(address ?? ''))
  const steps = (hour - present) / HOUR
  return steps !== 0 && steps === within(steps) ? hour : null
}

/** So many hours from the present one that the slider reaches them. */
export const within = (steps: number) => Math.max(-BACK, Math.min(AHEAD, Math.round(steps)))

const iso = (at: number) => new Date(at).toISOString()
const dayFormat = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' })
const weekday = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short' })
/** "Mon 30 Nov" of a local time. */
export const dayWords = (local: string) => dayFormat.format(new Date(`${local.slice(0, 10)}T00:00Z`)).replace(',', '')

/** "Mon 30 Nov, 10:00 – 11:00"; with the offset where the clocks show the hour twice. */
export function hourWords(hour: number, zone?: string): string {
  const [from, to] = [localTime(iso(hour), zone), localTime(iso(hour + HOUR), zone)]
  const twice = instants(from, zone).length > 1 ? ` (${offsetOf(iso(hour), zone)})` : ''
  return `${dayWords(from)}, ${from.slice(11)} – ${to.slice(11)}${twice}`
}

/** "now", "5 h ago", "in 2 d 3 h" */
export function distanceWords(steps: number): string {
  const [days, hours] = [Math.floor(Math.abs(steps) / 24), Math.abs(steps) % 24]
  const long = [days > 0 ? `${days} d` : '', hours > 0 ? `${hours} h` : ''].filter(Boolean).join(' ')
  return steps === 0 ? 'now' : steps < 0 ? `${long} ago` : `in ${long}`
}

/** Where on the slider, from 0 to 1, days begin, and what they are called. */
export function dayMarks(present: number, zone?: string): { at: number; name: string }[] {
  const marks: { at: number; name: string }[] = []
  let last = localTime(iso(present - (BACK + 1) * HOUR), zone).slice(0, 10)
  for (let steps = -BACK; steps <= AHEAD; steps++) {
    const day = localTime(iso(present + steps * HOUR), zone).slice(0, 10)
    if (day !== last) marks.push({ at: (steps + BACK) / (BACK + AHEAD), name: weekday.format(new Date(`${day}T00:00Z`)) })
    last = day
  }
  return marks
}
