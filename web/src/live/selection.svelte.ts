import type { Booking } from '../bookings/types'
import { live } from './live.svelte'
import { route } from '../lib/route.svelte'
import { isFinal } from '../lib/status'

/** The one selection that list, map and detail share. */
class Selection {
  /** The selected booking, or that of the selected vehicle. */
  readonly booking: Booking | undefined = $derived.by(() => {
    void live.rev
    const selected = route.selected
    return selected?.kind === 'booking' ? live.world.booking(selected.id) : selected ? live.world.job.get(selected.id) : undefined
  })

  /** The selected vehicle, or that of the selected booking. */
  readonly vehicle: string | null = $derived.by(() => {
    if (route.selected?.kind === 'vehicle') return route.selected.id
    return this.booking && !isFinal(this.booking) ? (this.booking.vehicle_id ?? null) : null
  })
}

export const selection = new Selection()
