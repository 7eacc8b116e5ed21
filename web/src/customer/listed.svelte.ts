import { api, Refused } from '../lib/api'
import { signed } from '../lib/session.svelte'
import type { Page } from '../lib/types'

/** Asks the depot; who is signed out meanwhile is told so by the page itself. */
export async function asked<T>(path: string, signal?: AbortSignal): Promise<T> {
  try {
    return await api<T>(path, { signal })
  } catch (error) {
    if (Refused.of(error).status === 401) void signed.refresh()
    throw error
  }
}

/** A list that is asked again and again, as far as it has been read. */
export class Listed<T> {
  items: T[] = $state.raw([])
  next: string | null = $state(null)
  fault = $state('')
  loaded = $state(false)
  private pages = 1
  private question = 0

  /** `address` is told where the page before ended. */
  constructor(private readonly address: (cursor: string) => string) {}

  /** Of two answers that cross, the later question's counts. `false`: there was none. */
  async ask(): Promise<boolean> {
    const mine = ++this.question
    const items: T[] = []
    let next: string | null = ''
    try {
      for (let page = 0; page < this.pages && next !== null; page++) {
        const got: Page<T> = await asked(this.address(next))
        items.push(...got.items)
        next = got.next
      }
    } catch (error) {
      if (mine === this.question) this.fault = (error as Error).message
      return false
    }
    if (mine === this.question) {
      this.items = items
      this.next = next
      this.fault = ''
      this.loaded = true
    }
    return true
  }

  more(): Promise<boolean> {
    this.pages += 1
    return this.ask()
  }

  /** Something else is looked for. */
  anew(): void {
    this.pages = 1
  }
}
