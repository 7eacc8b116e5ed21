import type { Fix } from '../fleet/types'
import { api } from '../lib/api'
import type { Page } from '../lib/types'
import { live } from '../live/live.svelte'
import type { LonLat } from './geo'

const MINUTES = 30

/** Which drive of a vehicle. */
export interface Drive {
  vehicle: string
  /** Its begin; the last half hour when absent. */
  from?: string
  /** Its end; it goes on when absent. */
  until?: string
}

/** Where a vehicle was. Made while a component is, it follows what `drive` gives. */
export class Trail {
  points: LonLat[] = $state.raw([])

  constructor(drive: () => Drive | null) {
    const wanted = $derived(JSON.stringify(drive()))
    $effect(() => {
      const of = JSON.parse(wanted) as Drive | null
      this.points = []
      if (!of) return
      const abort = new AbortController()
      const from = of.from ?? new Date((live.world.byId.get(of.vehicle)?.fix ?? Date.now()) - MINUTES * 60_000).toISOString()
      const query = new URLSearchParams({ limit: '10000', from, ...(of.until ? { to: of.until } : {}) })
      api<Page<Fix>>(`/vehicles/${encodeURIComponent(of.vehicle)}/track?${query}`, { signal: abort.signal })
        .then((page) => (this.points = page.items.map((f) => [f.lon, f.lat])))
        // The map is as useful without it.
        .catch(() => {})
      return () => abort.abort()
    })
    $effect(() => {
      void live.rev
      const of = JSON.parse(wanted) as Drive | null
      const last = of && !of.until ? live.world.byId.get(of.vehicle) : undefined
      const end = this.points.at(-1)
      if (!last || last.lat === null || last.lon === null || !end || (end[0] === last.lon && end[1] === last.lat)) return
      this.points = [...this.points, [last.lon, last.lat]]
    })
  }
}
