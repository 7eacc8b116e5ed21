export type Screen = 'live' | 'bookings' | 'drivers' | 'schedule' | 'analytics' | 'sync' | 'fleet' | 'access' | 'settings'
const PATHS: Record<Screen, string> = {
  live: '/',
  bookings: '/bookings',
  drivers: '/drivers',
  schedule: '/schedule',
  analytics: '/analytics',
  sync: '/sync',
  fleet: '/fleet',
  access: '/access',
  settings: '/settings',
}
export type Selected = { kind: 'vehicle' | 'booking'; id: string } | null

function screenOf(path: string): Screen {
  return (Object.keys(PATHS) as Screen[]).find((s) => PATHS[s] === path.replace(/\/+$/, '')) ?? 'live'
}

/** Where the user is, held in the address: it can be shared, reloaded and gone back to. */
class Route {
  screen: Screen = $state(screenOf(location.pathname))
  query = $state(new URLSearchParams(location.search))

  constructor() {
    window.addEventListener('popstate', () => {
      this.screen = screenOf(location.pathname)
      this.query = new URLSearchParams(location.search)
    })
  }

  get selected(): Selected {
    const vehicle = this.query.get('vehicle')
    const booking = this.query.get('booking')
    if (booking) return { kind: 'booking', id: booking }
    return vehicle ? { kind: 'vehicle', id: vehicle } : null
  }

  href(screen: Screen): string {
    return PATHS[screen]
  }

  go(screen: Screen, query: Record<string, string> = {}): void {
    this.screen = screen
    this.query = new URLSearchParams(query)
    this.write(true)
  }

  select(kind: 'vehicle' | 'booking', id: string): void {
    this.set({ new: null, vehicle: kind === 'vehicle' ? id : null, booking: kind === 'booking' ? id : null }, true)
  }

  clear(): void {
    this.set({ vehicle: null, booking: null, new: null }, true)
  }

  set(changes: Record<string, string | null>, push = false): void {
    const query = new URLSearchParams(this.query)
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') query.delete(name)
      else query.set(name, value)
    }
    if (query.toString() === this.query.toString()) return
    this.query = query
    this.write(push)
  }

  private write(push: boolean): void {
    const query = this.query.toString()
    const url = PATHS[this.screen] + (query ? `?${query}` : '')
    if (push) history.pushState(null, '', url)
    else history.replaceState(null, '', url)
  }
}

export const route = new Route()
