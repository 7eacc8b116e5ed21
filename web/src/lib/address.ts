export type Screen = 'live' | 'bookings' | 'drivers' | 'schedule' | 'prices' | 'analytics' | 'sync' | 'fleet' | 'access' | 'settings' | 'contract'
export const PATHS: Record<Screen, string> = {
  live: '/',
  bookings: '/bookings',
  drivers: '/drivers',
  schedule: '/schedule',
  prices: '/prices',
  analytics: '/analytics',
  sync: '/sync',
  fleet: '/fleet',
  access: '/access',
  settings: '/settings',
  contract: '/contract',
}
/** Where one thing has an address of its own, as in the API: the screen that shows it, and how it is named there. */
const THINGS: Record<string, [Screen, string]> = { bookings: ['live', 'booking'], vehicles: ['live', 'vehicle'] }

/** What an address asks for; no screen: there is no such page. */
export function addressed(path: string, search: string): { screen: Screen | null; query: URLSearchParams } {
  const [query, plain] = [new URLSearchParams(search), path.replace(/\/+$/, '') || '/']
  const screen = (Object.keys(PATHS) as Screen[]).find((s) => PATHS[s] === plain)
  if (screen) return { screen, query }
  const [, things = '', id = '', more] = plain.split('/')
  const thing = id && more === undefined ? THINGS[things] : undefined
  if (!thing) return { screen: null, query }
  query.set(thing[1], named(id))
  return { screen: thing[0], query }
}

/** An id as it stands in a path; one that is not encoded as it should be is taken as it is. */
function named(id: string): string {
  try {
    return decodeURIComponent(id)
  } catch {
    return id
  }
}
