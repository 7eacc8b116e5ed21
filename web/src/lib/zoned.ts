/** Local times of a zone, as `datetime-local` fields hold them (`2026-10-25T01:30`), and instants. */

/** Made once for each zone: to make one takes far longer than to use it. */
const clocks = new Map<string | undefined, Intl.DateTimeFormat>()

function clockOf(zone?: string): Intl.DateTimeFormat {
  const known = clocks.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  })
  clocks.set(zone, made)
  return made
}

/** How far a zone's clocks are ahead of UTC at an instant, in ms. */
function offset(at: number, zone?: string): number {
  const parts = clockOf(zone).formatToParts(at)
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value)
  const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return shown - Math.floor(at / 1000) * 1000
}

/** Every instant at which the zone's clocks show this: none where they are put forward over it, two where it comes twice. */
export function instants(local: string, zone?: string): string[] {
  const wall = Date.parse(`${local}Z`)
  if (Number.isNaN(wall)) return []
  const DAY = 86_400_000
  const offsets = new Set([wall - DAY, wall, wall + DAY].map((at) => offset(at, zone)))
  const found = [...offsets].map((o) => wall - o).filter((at) => at + offset(at, zone) === wall)
  return found.sort((a, b) => a - b).map((at) => new Date(at).toISOString())
}

/** What the zone's clocks show at an instant, to the minute. */
export function localTime(iso: string | null | undefined, zone?: string): string {
  if (!iso) return ''
  const at = Date.parse(iso)
  return new Date(at + offset(at, zone)).toISOString().slice(0, 16)
}

/** Like `+01:00`. */
export function offsetOf(iso: string, zone?: string): string {
  const minutes = Math.round(offset(Date.parse(iso), zone) / 60_000)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${minutes < 0 ? '−' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
}

/** The first instant at which the zone's clocks show this, or what they show next where they are put forward over it. */
export function instantAt(local: string, zone?: string): string {
  const wall = Date.parse(`${local}Z`)
  for (let minute = 0; minute < 24 * 60; minute += 15) {
    const [first] = Number.isNaN(wall) ? [] : instants(new Date(wall + minute * 60_000).toISOString().slice(0, 16), zone)
    if (first) return first
  }
  return ''
}

/** The first instant of a day like `2026-10-25`, also where there is no midnight. */
export function dayStart(day: string, zone?: string): string {
  return instantAt(`${day}T00:00`, zone)
}

/** The day so many days after a day like `2026-10-25`; before it when `days` is negative. */
export function dayFrom(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

/** The day after a day like `2026-10-25`. */
export function dayAfter(day: string): string {
  return dayFrom(day, 1)
}
