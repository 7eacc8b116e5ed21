import { api } from '../lib/api'
import { Poll } from '../lib/poll'
import type { Page } from '../lib/types'
import { live } from '../live/live.svelte'
import { aged, gathered, parsed, toldOf, type Kept, type Told } from './told'
import type { Delivery, StaffMessage } from './types'

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

/** Messages for staff, as they are said and from before, and how many letters are dead. What was read is the browser's to remember: each
 * place of work has its own. */
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
    let stopped = false
    const catchUp = async () => {
      const page = await api<Page<StaffMessage>>('/messages?limit=50').catch(() => null)
      if (page && !stopped) this.take(page.items.map(toldOf), hear)
    }
    const count = async () => {
      try {
        const dead = mayRead ? await api<Page<Delivery>>('/deliveries?state=dead&limit=50') : null
        if (dead && !stopped) this.count(dead)
        return true
      } catch {
        return false
      }
    }
    void catchUp()
    const poll = new Poll(count, EVERY, SLOWEST)
    const deafen = live.hear((message) => (message ? this.take([toldOf(message)], hear) : void catchUp()))
    const elsewhere = (event: StorageEvent) => event.key === this.key && this.restore()
    window.addEventListener('storage', elsewhere)
    this.poll = poll
    return () => {
      stopped = true
      poll.stop()
      deafen()
      window.removeEventListener('storage', elsewhere)
      this.poll = undefined
    }
  }

  /** Counts dead letters now: they changed. */
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
