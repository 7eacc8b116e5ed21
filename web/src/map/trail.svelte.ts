import { api } from '../lib/api'
import { live } from '../lib/live.svelte'
import type { Fix, Page } from '../lib/types'
import type { LonLat } from './geo'

const MINUTES = 30

/** Where a vehicle was lately. Made while a component is, it follows what `vehicle` gives. */
export class Trail {
  points: LonLat[] = $state.raw([])

  constructor(vehicle: () => string | null) {
    $effect(() => {
      const id = vehicle()
      this.points = []
      if (!id) return
      const abort = new AbortController()
      const from = new Date((live.world.byId.get(id)?.fix ?? Date.now()) - MINUTES * 60_000).toISOString()
      api<Page<Fix>>(`/vehicles/${encodeURIComponent(id)}/track?limit=10000&from=${encodeURIComponent(from)}`, { signal: abort.signal })
        .then((page) => (this.points = page.items.map((f) => [f.lon, f.lat])))
        // The map is as useful without it.
        .catch(() => {})
      return () => abort.abort()
    })
    $effect(() => {
      void live.rev
      const id = vehicle()
      const last = id ? live.world.byId.get(id) : undefined
      const end = this.points.at(-1)
      if (!last || last.lat === null || last.lon === null || !end || (end[0] === last.lon && end[1] === last.lat)) return
      this.points = [...this.points, [last.lon, last.lat]]
    })
  }
}
