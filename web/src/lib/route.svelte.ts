import { addressed, PATHS, type Screen } from './address'

export type { Screen }
export type Selected = { kind: 'vehicle' | 'booking'; id: string } | null

/** Where the user is, held in the address: it can be shared, reloaded and gone back to. */
class Route {
  /** `null`: the address names no page. */
  screen: Screen | null = $state(null)
  query = $state(new URLSearchParams())

  constructor() {
    this.read()
    window.addEventListener('popstate', () => this.read())
  }

  private read(): void {
    const asked = addressed(location.pathname, location.search)
    this.screen = asked.screen
    this.query = asked.query
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
    if (!this.screen) return
    const query = this.query.toString()
    const url = PATHS[this.screen] + (query ? `?${query}` : '')
    if (push) history.pushState(null, '', url)
    else history.replaceState(null, '', url)
  }
}

export const route = new Route()
