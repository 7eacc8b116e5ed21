import { api } from '../lib/api'
import { Poll } from '../lib/poll'
import type { Sync } from './types'

/** How far the line to head office is, as the depot said last. */
class Upstream {
  told = $state.raw<Sync | null>(null)
  fault = $state('')
  private asked = 0

  /** Asks now. Of two answers that cross, the later question's counts. */
  async ask(): Promise<void> {
    const mine = ++this.asked
    try {
      const told = await api<Sync>('/sync')
      if (mine !== this.asked) return
      this.told = told
      this.fault = ''
    } catch (error) {
      if (mine === this.asked) this.fault = (error as Error).message
    }
  }

  /** Asks now and every so many ms, but not while the page is hidden; until the function that it gives is called. */
  follow(every: number): () => void {
    const poll = new Poll(() => this.ask().then(() => true), every)
    return () => poll.stop()
  }

  /** For who signs in next. */
  forget(): void {
    this.asked += 1
    this.told = null
    this.fault = ''
  }
}

export const upstream = new Upstream()
