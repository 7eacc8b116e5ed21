import type { Place } from '../lib/types'
import { blankOrder, blankStop, type OrderForm, type SiteForm } from './order'

/** The booking that is being made. */
export class Draft {
  form: OrderForm = $state(blankOrder())
  /** The stop that the next click on the map sets. */
  aim: number | null = $state(null)

  get pickup(): Place | null {
    return this.form.pickup.place
  }
  get dropoff(): Place | null {
    return this.form.dropoff.place
  }
  get stops(): Place[] {
    return this.form.stops.flatMap((stop) => stop.place ?? [])
  }

  /** Takes a click on the map: the stop that waits for one, or the pickup, then the drop-off, then a new pickup. */
  place(lat: number, lon: number): void {
    const place = { lat: rounded(lat), lon: rounded(lon) }
    const { pickup, dropoff, stops } = this.form
    const aimed: SiteForm | undefined = this.aim === null ? undefined : stops[this.aim]
    this.aim = null
    if (aimed) aimed.place = place
    else if (!pickup.place) pickup.place = place
    else if (!dropoff.place) dropoff.place = place
    else [pickup.place, dropoff.place] = [place, null]
  }

  addStop(): void {
    this.form.stops.push(blankStop())
    this.aim = this.form.stops.length - 1
  }

  clear(): void {
    this.form = blankOrder()
    this.aim = null
  }
}

const rounded = (degrees: number) => Math.round(degrees * 1e6) / 1e6
