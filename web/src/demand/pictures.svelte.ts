import { untrack } from 'svelte'
import { api, filled, Refused } from '../lib/api'
import { HOUR } from './hours'
import { Kept } from './kept'
import { valueOf, type Measure } from './measure'
import type { Picture } from './types'

/** Who drags the slider waits so long for the hour at which it rests, in ms. */
const REST = 150
/** Pictures kept, and for how long: bookings of any hour may come. */
const [MOST, AGE] = [64, 60_000]

export interface Wanted {
  hour: number
  isNow: boolean
  /** Of the cells; empty: that of the forecast. */
  resolution: string
}

/** The picture of the hour that is wanted. Made while a component is. */
export class Pictures {
  /** The last one; of another hour, until that of this one is there. */
  value: Picture | null = $state.raw(null)
  of: Wanted | null = $state.raw(null)
  fault = $state('')
  busy = $state(false)
  /** The resolution of the forecast, once it is known. */
  own = $state<number | null>(null)
  /** The largest figures so far, whatever their signs. */
  peaks: Record<Exclude<Measure, 'surge'>, number> = $state({ expected: 0, requests: 0, balance: 0 })
  private readonly kept = new Kept<Picture>(MOST, AGE)
  private size = ''

  /** `again` changes when it is to be asked once more. */
  constructor(wanted: () => Wanted, again: () => unknown) {
    $effect(() => {
      const of = wanted()
      again()
      return untrack(() => this.ask(of))
    })
  }

  private ask(of: Wanted): (() => void) | undefined {
    if (of.resolution !== this.size) {
      this.size = of.resolution
      this.kept.clear()
      this.peaks = { expected: 0, requests: 0, balance: 0 }
    }
    const known = of.isNow ? undefined : this.kept.get(String(of.hour), Date.now())
    if (known) {
      this.show(of, known)
      this.busy = false
      return
    }
    // From its middle: no other hour is so near to now that what is now would be counted into it.
    const at = of.isNow ? '' : new Date(of.hour + HOUR / 2).toISOString()
    const query = new URLSearchParams(filled({ at, resolution: of.resolution }))
    const abort = new AbortController()
    this.busy = true
    const timer = setTimeout(async () => {
      try {
        const picture = await api<Picture>(`/demand?${query}`, { signal: abort.signal })
        if (picture.forecast_made_at !== this.value?.forecast_made_at) this.kept.clear()
        this.kept.put(String(of.hour), picture, Date.now())
        this.show(of, picture)
      } catch (error) {
        if (abort.signal.aborted) return
        this.fault = Refused.of(error).told
      }
      this.busy = false
    }, this.value ? REST : 0)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }

  private show(of: Wanted, picture: Picture): void {
    ;[this.value, this.of, this.fault] = [picture, of, '']
    if (of.resolution === '') this.own = picture.resolution
    for (const measure of ['expected', 'requests', 'balance'] as const) {
      const peak = Math.max(0, ...picture.items.map((c) => Math.abs(valueOf(c, measure, '') ?? 0)))
      if (peak > this.peaks[measure]) this.peaks[measure] = peak
    }
  }
}
