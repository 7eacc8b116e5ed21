import type { Booking, Site } from '../bookings/types'

/** Ends of bookings that have an address, each address once, those of the newest bookings first. */
export function placesOf(bookings: Booking[], most = 30): Site[] {
  const known = new Map<string, Site>()
  for (const { pickup, dropoff, stops = [] } of bookings) {
    for (const site of [pickup, ...stops, dropoff]) {
      const name = site.address?.trim().toLowerCase()
      if (name && !known.has(name)) known.set(name, { lat: site.lat, lon: site.lon, address: site.address, contact: site.contact })
    }
  }
  return [...known.values()].slice(0, most)
}
