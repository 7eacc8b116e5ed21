import type { ProofRules } from '../prices/proof'
import type { Booking } from '../bookings/types'
import type { Driver } from '../drivers/types'

/** A step of a job that a driver makes. */
export type StepName = 'arrived' | 'picked_up' | 'delivered' | 'failed'
/** What shows that something was delivered; what is absent is not asked for. */
export interface Proof {
  note?: string
  pin?: string
  barcode?: string
  /** The id of an attachment. */
  signature?: string
  /** Ids of attachments. */
  photos?: string[]
  reason?: string
}
export interface Work {
  driver: Driver
  vehicle_id: string | null
  offers: { booking: Booking; expires_at: string }[]
  jobs: Booking[]
  /** Of the job that is done now. */
  proof: ProofRules
}
/** A step as it was made, to be sent when there is a line. */
export interface Step {
  /** Made by the phone: the depot takes it once, however often it is sent. */
  id: string
  /** The id of the driver who made it: a phone may be handed on. */
  driver: string
  booking_id: string
  ref: string
  step: StepName
  /** By the phone's clock. */
  at: string
  proof?: Proof
}
export interface Queued extends Step {
  /** Why the depot refused it; it is not sent again unless the driver says so. */
  refused?: string
}
/** A photo or a signature. */
export interface Picture {
  /** Made by the phone. */
  id: string
  blob: Blob
  /** The depot has it. */
  sent: boolean
}
export interface Fix {
  ts: string
  lat: number
  lon: number
  speed_kmh?: number
  course?: number
  accuracy_m?: number
}
