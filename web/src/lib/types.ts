/** Shapes of the HTTP API that more than one noun has; each has its own beside it (`/openapi.json` has them all). */
export interface Place {
  lat: number
  lon: number
}
/** Between when and when. */
export interface Window {
  from: string
  until: string
}
export interface Money {
  amount_minor: number
  currency: string
}
export interface Page<T> {
  items: T[]
  next: string | null
}
