import type { Booking } from '../bookings/types'
import { Refused } from '../lib/api'
import type { Page } from '../lib/types'
import type { Contract } from '../prices/types'
import { asked } from './listed.svelte'

/** The contract of this customer; null: there is none. */
export async function contractOf(customer: string, signal?: AbortSignal): Promise<Contract | null> {
  try {
    return await asked<Contract>(`/contracts/${encodeURIComponent(customer)}`, signal)
  } catch (error) {
    if (Refused.of(error).status === 404) return null
    throw error
  }
}

/** The last bookings, newest first: what they say of prices and places is known of no other source. */
export async function lately(limit: number, signal?: AbortSignal): Promise<Booking[]> {
  return (await asked<Page<Booking>>(`/bookings?limit=${limit}`, signal)).items
}
