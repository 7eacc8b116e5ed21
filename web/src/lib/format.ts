/** A position older than this is drawn hollow. */
export const STALE_MS = 60_000

/** The age of something, short: "now", "12 s", "4 min", "3 h", "2 d". */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  if (s < 3) return 'now'
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86_400)} d`
}

/** As {@link age}, in a sentence. */
export function ago(ms: number): string {
  const short = age(ms)
  return short === 'now' ? 'just now' : `${short} ago`
}

export function distance(m: number): string {
  return m < 950 ? `${Math.round(m / 10) * 10} m` : `${(m / 1000).toFixed(m < 9950 ? 1 : 0)} km`
}

export function duration(s: number): string {
  if (s < 60) return `${Math.round(s)} s`
  const minutes = Math.round(s / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** What is left until something ends, ticking: "9:41", "1:02:05". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(s / 60)
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`
}

/** A share from 0 to 1: "94.5 %" */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** A time of day in the depot's zone; with the day when it is not today's. */
export function when(iso: string, zone?: string, now = Date.now()): string {
  const at = new Date(iso)
  const day = (date: Date) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(date)
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(at)
  if (day(at) === day(new Date(now))) return time
  return `${new Intl.DateTimeFormat('en-GB', { timeZone: zone, day: 'numeric', month: 'short' }).format(at)} ${time}`
}

/** With seconds, for timelines. */
export function clockTime(iso: string, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(iso))
}

export function place(lat: number, lon: number): string {
  return `${lat.toFixed(5)}, ${lon.toFixed(5)}`
}

export function siteName(site: { lat: number; lon: number; address?: string | null }): string {
  return site.address || `${site.lat.toFixed(4)}, ${site.lon.toFixed(4)}`
}

/** "picked_up" → "picked up" */
export function words(name: string): string {
  return name.replaceAll('_', ' ')
}

/** "user:ana" → "ana" */
export function actorName(actor: string): string {
  return actor.replace(/^(user|vehicle|device):/, '').replace(/^token:/, 'token ').replace(/^head_office$/, 'head office')
}

/** "1 record", "12,480 records" */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`
}

/** "312 B", "4.1 KiB", "27 MiB" */
export function bytes(n: number): string {
  const step = n < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(n) / 10))
  const shown = n / 1024 ** step
  return `${shown.toFixed(step > 0 && shown < 9.95 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][step]}`
}

const COMPASS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW']
export function compass(course: number): string {
  return COMPASS[Math.round((((course % 360) + 360) % 360) / 45) % 8] ?? 'N'
}

/** The words between commas. */
export function list(text: string): string[] {
  return text.split(',').map((word) => word.trim()).filter(Boolean)
}

/** A local time with its offset, like `2026-10-25T01:30:00+01:00`, to be read: `2026-10-25 01:30 +01:00`. */
export function localWords(local: string): string {
  return local.replace(/^(\S+)T(\d\d:\d\d)(:\d\d)?(.*)$/, (_, day, clock, seconds = '', offset) => `${day} ${clock}${seconds === ':00' ? '' : seconds} ${offset}`.trim())
}
