import type { Place } from '../lib/types'

interface Vehicle {
  id: string
  lat: number | null
  lon: number | null
}
export interface Pair {
  booking: string
  vehicle: string
  metres: number
}

const RADIUS_M = 6_371_000
const radians = (degrees: number) => (degrees * Math.PI) / 180

/** Great-circle distance (haversine). */
export function metres(a: Place, b: Place): number {
  const h = Math.sin(radians(b.lat - a.lat) / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(radians(b.lon - a.lon) / 2) ** 2
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** A vehicle for each booking's pickup, each vehicle once: the shortest pair first. A suggestion, not a dispatch round. */
export function nearest(bookings: { id: string; pickup: Place }[], vehicles: Vehicle[]): Pair[] {
  const pairs: Pair[] = []
  for (const b of bookings) {
    for (const { id, lat, lon } of vehicles) if (lat !== null && lon !== null) pairs.push({ booking: b.id, vehicle: id, metres: metres(b.pickup, { lat, lon }) })
  }
  const [served, taken] = [new Set<string>(), new Set<string>()]
  return pairs
    .sort((a, b) => a.metres - b.metres)
    .filter(({ booking, vehicle }) => {
      const both = !served.has(booking) && !taken.has(vehicle)
      if (both) [served.add(booking), taken.add(vehicle)]
      return both
    })
}
