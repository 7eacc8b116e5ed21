import type { Booking } from '../bookings/types'
import { live } from './live.svelte'
import { route } from '../lib/route.svelte'
import type { Live } from './world'

export type Item =
  | { key: string; kind: 'booking'; id: string; booking: Booking }
  | { key: string; kind: 'vehicle'; id: string; vehicle: Live; job: Booking | undefined }

const names = new Intl.Collator(undefined, { numeric: true })

/** Who is in the live list: bookings without a vehicle, then vehicles, as the filter and the search let them. */
class Roster {
  readonly filter = $derived(new Set((route.query.get('f') ?? '').split(',').filter(Boolean)))
  readonly search = $derived((route.query.get('q') ?? '').trim().toLowerCase())
  readonly all = $derived((live.rev, [...live.world.vehicles.values()].sort((a, b) => names.compare(a.id, b.id))))
  readonly unassigned = $derived((live.rev, live.world.unassigned()))
  readonly counts = $derived((live.rev, { unassigned: this.unassigned.length, ...live.world.counts() }))

  readonly vehicles = $derived(
    this.all.filter((v) => (this.filter.size === 0 || this.filter.has(v.status)) && this.matches(v.id, v.class, live.world.job.get(v.id)?.ref)),
  )
  readonly bookings = $derived(
    this.filter.size === 0 || this.filter.has('unassigned')
      ? this.unassigned.filter((b) => this.matches(b.ref, b.customer, b.pickup.address, b.dropoff.address))
      : [],
  )
  readonly items: Item[] = $derived([
    ...this.bookings.map((booking): Item => ({ key: `booking ${booking.id}`, kind: 'booking', id: booking.id, booking })),
    ...this.vehicles.map((vehicle): Item => ({ key: `vehicle ${vehicle.id}`, kind: 'vehicle', id: vehicle.id, vehicle, job: live.world.job.get(vehicle.id) })),
  ])
  readonly current = $derived(route.selected ? `${route.selected.kind} ${route.selected.id}` : null)

  toggle(name: string): void {
    const next = new Set(this.filter)
    if (!next.delete(name)) next.add(name)
    route.set({ f: [...next].join(',') })
  }

  /** Selects the item that many rows further down. */
  step(by: number): void {
    const at = this.items.findIndex((i) => i.key === this.current)
    const next = this.items[Math.max(0, Math.min(this.items.length - 1, at + by))]
    if (next) route.select(next.kind, next.id)
  }

  private matches(...texts: (string | null | undefined)[]): boolean {
    return this.search === '' || texts.some((t) => t?.toLowerCase().includes(this.search))
  }
}

export const roster = new Roster()
