import { api } from '../lib/api'
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
    let timer: ReturnType<typeof setTimeout> | undefined
    let [stopped, asking] = [false, false]
    const round = async () => {
      clearTimeout(timer)
      if (stopped || asking || document.hidden) return
      asking = true
      await this.ask()
      asking = false
      if (!stopped) timer = setTimeout(() => void round(), every)
    }
    const seen = () => void round()
    document.addEventListener('visibilitychange', seen)
    seen()
    return () => {
      stopped = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }

  /** For who signs in next. */
  forget(): void {
    this.asked += 1
    this.told = null
    this.fault = ''
  }
}

export const upstream = new Upstream()
