import { all, api } from '../lib/api'
import { Poll } from '../lib/poll'
import type { Page } from '../lib/types'
import { live } from '../live/live.svelte'
import { Stories } from './stories'
import { aged, gathered, ofDeliveries, parsed, type Kept, type Told } from './told'
import type { Delivery, Rule } from './types'

/** Between two questions, in ms, and while nobody answers. */
const [EVERY, SLOWEST] = [15_000, 60_000]
/** Of what came longer ago, in ms, nobody is told aloud. */
const FRESH = 60_000

/** Dead letters, as far as they are counted. */
export interface Dead {
  count: number
  more: boolean
  /** When the newest was given up. */
  newest: string
  /** Those given up since somebody looked. */
  unseen: number
}

/** Messages for staff, and how many letters are dead. What was read is the browser's to remember: each place of work has its own.
 *
 * The live view names a booking when something is said of it, and the booking's story holds what was said. Who may read deliveries also
 * gets what was said while no console was open. */
class Inbox {
  items: Told[] = $state.raw([])
  /** Null: not known yet, or not for this user to know. */
  dead: Dead | null = $state.raw(null)
  private key = ''
  private looked = ''
  private fresh = false
  private poll: Poll | undefined

  get unread(): number {
    return this.items.filter((told) => !told.read).length
  }

  /** Gathers for `user`, who may read deliveries or not, and calls `hear` with what just came; until the answer is called. */
  follow(user: string, mayRead: boolean, hear: (told: Told) => void): () => void {
    const key = `depotd.inbox.${user}`
    if (key !== this.key) this.dead = null
    this.key = key
    this.restore()
    let [stopped, expected] = [false, false]
    const stories = new Stories((told) => this.take(told, hear))
    const asked = new Set<string>()

    const catchUp = async () => {
      const said = await api<Page<Delivery>>('/deliveries?channel=message&state=sent&limit=50')
      const dead = await api<Page<Delivery>>('/deliveries?state=dead&limit=50')
      if (stopped) return
      this.take(ofDeliveries(said.items), hear)
      this.count(dead)
      const mute = this.items.filter((told) => told.text === undefined && told.booking !== undefined && !asked.has(told.id))
      for (const told of mute) asked.add(told.id)
      stories.look(mute.map((told) => told.booking ?? ''))
    }
    const ask = async () => {
      try {
        expected = (await all<Rule>('/notifications/rules')).some((rule) => rule.enabled && rule.who === 'staff')
        if (mayRead && !stopped) await catchUp()
        return true
      } catch {
        return false
      }
    }
    const poll = new Poll(ask, EVERY, SLOWEST)
    const deafen = live.hear((bookings) => expected && stories.look(bookings))
    const elsewhere = (event: StorageEvent) => event.key === this.key && this.restore()
    window.addEventListener('storage', elsewhere)
    this.poll = poll
    return () => {
      stopped = true
      poll.stop()
      stories.stop()
      deafen()
      window.removeEventListener('storage', elsewhere)
      this.poll = undefined
    }
  }

  /** Asks now: rules or dead letters changed. */
  hurry(): void {
    this.poll?.hurry()
  }

  /** Marks one as read, or all. */
  read(id?: string): void {
    this.items = this.items.map((told) => (id === undefined || told.id === id ? { ...told, read: true } : told))
    this.keep()
  }

  /** Somebody looked at the dead letters. */
  seeDead(): void {
    if (!this.dead?.unseen) return
    this.looked = this.dead.newest
    this.dead = { ...this.dead, unseen: 0 }
    this.keep()
  }

  private count({ items, next }: Page<Delivery>): void {
    const times = items.map((d) => d.done_at ?? d.created_at).sort()
    this.dead = { count: items.length, more: next !== null, newest: times.at(-1) ?? '', unseen: times.filter((at) => at > this.looked).length }
  }

  private take(came: Told[], hear: (told: Told) => void): void {
    const known = new Set(this.items.map((told) => told.id))
    if (came.length === 0) return
    this.items = gathered(this.items, this.fresh ? aged(came, live.now) : came)
    this.keep()
    const news = this.items.filter((told) => !known.has(told.id) && !told.read && Date.parse(told.at) > live.now - FRESH)
    for (const told of news.reverse()) hear(told)
  }

  private restore(): void {
    let kept: Kept | null = null
    try {
      kept = parsed(localStorage.getItem(this.key))
    } catch {
      // Without storage it lasts as long as the page.
    }
    this.fresh = kept === null
    this.items = kept?.items ?? []
    this.looked = kept?.looked ?? ''
    if (this.dead && this.looked >= this.dead.newest) this.dead = { ...this.dead, unseen: 0 }
  }

  private keep(): void {
    try {
      localStorage.setItem(this.key, JSON.stringify({ items: this.items, looked: this.looked } satisfies Kept))
    } catch {
      // As above.
    }
  }
}

export const inbox = new Inbox()
