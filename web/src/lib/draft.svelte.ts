import type { Place } from './types'

/** The two ends of a booking that is being made. */
export class Draft {
  pickup: Place | null = $state(null)
  dropoff: Place | null = $state(null)

  /** Takes a click on the map: the pickup, then the drop-off, then a new pickup. */
  place(lat: number, lon: number): void {
    const place = { lat: rounded(lat), lon: rounded(lon) }
    if (!this.pickup) this.pickup = place
    else if (!this.dropoff) this.dropoff = place
    else [this.pickup, this.dropoff] = [place, null]
  }

  clear(): void {
    this.pickup = this.dropoff = null
  }
}

const rounded = (degrees: number) => Math.round(degrees * 1e6) / 1e6
