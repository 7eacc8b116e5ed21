import { STAFF } from '../access/types'
import { told } from '../settings/told'
import { api } from './api'
import { live } from '../live/live.svelte'
import type { Place } from './types'

/** The present session, and the depot that it is of. */
export interface Session {
  user: { name: string; role: string; customer?: string } | null
  setup_needed: boolean
  depot: { name: string; centre: Place; zone: string }
  demo: boolean
  version: string
}

/** Who is signed in and what this depot is. */
class Signed {
  session: Session | null = $state(null)
  failed: string | null = $state(null)
  setupToken: string | null = $state(null)

  get zone(): string | undefined {
    return this.session?.depot.zone
  }
  get admin(): boolean {
    return this.session?.user?.role === 'admin'
  }
  /** One of those who work at the depot, and see what it does. */
  get staff(): boolean {
    return (STAFF as readonly string[]).includes(this.session?.user?.role ?? '')
  }
  /** Whose bookings are all that is shown, when somebody of a customer is signed in. */
  get customer(): string | null {
    return this.session?.user?.customer ?? null
  }
  get mayWrite(): boolean {
    return ['admin', 'dispatcher'].includes(this.session?.user?.role ?? '')
  }

  /** Uses the one-time key or token of a printed link, then leaves no trace of it in the address. */
  async open(): Promise<void> {
    const hash = new URLSearchParams(location.hash.slice(1))
    const key = hash.get('login')
    this.setupToken = hash.get('setup')
    if (key || this.setupToken) history.replaceState(null, '', location.pathname + location.search)
    try {
      this.session = await api<Session>('/session')
      if (key && !this.session.user) {
        await api('/session', { body: { key } })
        this.session = await api<Session>('/session')
      }
      this.failed = null
    } catch (error) {
      this.failed = error instanceof Error ? error.message : String(error)
    }
    this.follow()
  }

  async refresh(): Promise<void> {
    this.session = await api<Session>('/session')
    this.follow()
  }

  async signOut(): Promise<void> {
    await api('/session', { method: 'DELETE' })
    live.stop()
    void told.forget()
    // At once, so that nothing is asked any more in the name of who has left.
    if (this.session) this.session = { ...this.session, user: null }
    await this.refresh()
  }

  private follow(): void {
    const user = this.session?.user
    if (user && user.role !== 'driver' && user.customer === undefined) live.start(() => void this.refresh())
  }
}

export const signed = new Signed()

/** A message at the lower edge of the page, also read aloud. */
class Notice {
  text = $state('')
  bad = $state(false)
  private timer: ReturnType<typeof setTimeout> | undefined

  say(text: string, bad = false): void {
    this.text = text
    this.bad = bad
    clearTimeout(this.timer)
    this.timer = setTimeout(() => (this.text = ''), bad ? 10_000 : 5000)
  }
  fault(error: unknown): void {
    this.say(error instanceof Error ? error.message : String(error), true)
  }
}
export const notice = new Notice()
