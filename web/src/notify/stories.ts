import type { BookingEvent } from '../bookings/types'
import { all } from '../lib/api'
import { ofStory, type Told } from './told'

/** A booking's story is read that many ms after it was named: what is said of an event comes soon after it. */
const SOON = 400
/** Bookings that may wait for it; of more, those named first are left out. */
const MOST = 200

/** Looks for messages to staff in what happened to bookings: one after the other, so that a depot where much happens is not asked for
 * all of them at once. */
export class Stories {
  private readonly named = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private reading = false
  private stopped = false

  constructor(private readonly found: (told: Told[]) => void) {}

  look(bookings: string[]): void {
    for (const id of bookings) {
      this.named.delete(id)
      this.named.add(id)
    }
    for (const id of [...this.named].slice(0, -MOST)) this.named.delete(id)
    if (this.named.size === 0 || this.timer !== undefined || this.reading || this.stopped) return
    this.timer = setTimeout(() => void this.read(), SOON)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private async read(): Promise<void> {
    this.timer = undefined
    this.reading = true
    for (const id of [...this.named]) {
      this.named.delete(id)
      try {
        const told = ofStory(id, await all<BookingEvent>(`/bookings/${id}/events`))
        if (this.stopped) return
        this.found(told)
      } catch {
        // Whoever looks at the booking sees why; the next word about it asks again.
      }
    }
    this.reading = false
    this.look([])
  }
}
