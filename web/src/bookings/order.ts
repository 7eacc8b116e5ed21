import { filled } from '../lib/api'
import { list } from '../lib/format'
import type { Place } from '../lib/types'
import type { Booking, Site, Stop } from './types'

/** An end or a stop of a booking, as a form holds it. */
export interface SiteForm {
  place: Place | null
  address: string
  name: string
  phone: string
  email: string
}
export interface StopForm extends SiteForm {
  kind: Stop['kind']
  notes: string
}
/** What is ordered, as a form holds it: an empty text is nothing, times are instants. */
export interface OrderForm {
  pickup: SiteForm
  dropoff: SiteForm
  stops: StopForm[]
  from: string
  until: string
  drop_from: string
  drop_until: string
  expires_at: string
  vehicle_class: string
  load_kg: number | null
  load_m3: number | null
  pieces: number | null
  skills: string
  customer: string
  customer_reference: string
  priority: string
  notes: string
}

export const blankSite = (): SiteForm => ({ place: null, address: '', name: '', phone: '', email: '' })
export const blankStop = (): StopForm => ({ ...blankSite(), kind: 'visit', notes: '' })

export function blankOrder(): OrderForm {
  return {
    pickup: blankSite(), dropoff: blankSite(), stops: [], from: '', until: '', drop_from: '', drop_until: '', expires_at: '', vehicle_class: '',
    load_kg: null, load_m3: null, pieces: null, skills: '', customer: '', customer_reference: '', priority: 'normal', notes: '',
  }
}

export function siteForm(site: Site): SiteForm {
  const { name = '', phone = '', email = '' } = site.contact ?? {}
  return { place: { lat: site.lat, lon: site.lon }, address: site.address ?? '', name, phone, email }
}

export function formOf(b: Booking): OrderForm {
  return {
    pickup: siteForm(b.pickup),
    dropoff: siteForm(b.dropoff),
    stops: (b.stops ?? []).map((stop) => ({ ...siteForm(stop), kind: stop.kind, notes: stop.notes ?? '' })),
    from: b.pickup_at ?? b.pickup_window?.from ?? '',
    until: b.pickup_window?.until ?? '',
    drop_from: b.dropoff_window?.from ?? '',
    drop_until: b.dropoff_window?.until ?? '',
    expires_at: b.expires_at ?? '',
    vehicle_class: b.vehicle_class ?? '',
    load_kg: b.load_kg ?? null,
    load_m3: b.load_m3 ?? null,
    pieces: b.pieces ?? null,
    skills: (b.skills ?? []).join(', '),
    customer: b.customer ?? '',
    customer_reference: b.customer_reference ?? '',
    priority: b.priority ?? 'normal',
    notes: b.notes ?? '',
  }
}

function siteOf({ place, address, name, phone, email }: SiteForm) {
  const contact = filled({ name, phone, email })
  return { ...place, ...filled({ address }), ...(Object.keys(contact).length > 0 ? { contact } : {}) }
}

/** The order as the API takes it; what was left empty is not there. */
export function orderOf(form: OrderForm): Record<string, unknown> {
  const skills = list(form.skills)
  const { vehicle_class, load_kg, load_m3, pieces, customer, customer_reference, notes, expires_at } = form
  return filled({
    pickup: siteOf(form.pickup),
    dropoff: siteOf(form.dropoff),
    stops: form.stops.length > 0 ? form.stops.map((stop) => ({ ...siteOf(stop), kind: stop.kind, ...filled({ notes: stop.notes }) })) : '',
    pickup_at: form.until ? '' : form.from,
    pickup_window: form.until ? { from: form.from, until: form.until } : '',
    dropoff_window: form.drop_from || form.drop_until ? { from: form.drop_from, until: form.drop_until } : '',
    skills: skills.length > 0 ? skills : '',
    priority: form.priority === 'normal' ? '' : form.priority,
    vehicle_class, load_kg, load_m3, pieces, customer, customer_reference, notes, expires_at,
  })
}

/** What differs, as a JSON merge patch (RFC 7396): what was emptied is `null`. */
export function patchOf(was: OrderForm, now: OrderForm): Record<string, unknown> {
  const [before, after] = [orderOf(was), orderOf(now)]
  const patch: Record<string, unknown> = {}
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) patch[name] = after[name] ?? null
  }
  for (const end of ['pickup', 'dropoff'] as const) {
    if (patch[end]) patch[end] = { address: null, contact: null, ...siteOf(now[end]) }
    const contact = (patch[end] as { contact?: object | null } | undefined)?.contact
    if (contact) (patch[end] as { contact: object }).contact = { name: null, phone: null, email: null, ...contact }
  }
  // An order always has them: emptied means as usual.
  if (patch.priority === null) patch.priority = 'normal'
  if ('skills' in patch && patch.skills === null) patch.skills = []
  if ('stops' in patch && patch.stops === null) patch.stops = []
  // One takes the place of the other.
  if (patch.pickup_window) delete patch.pickup_at
  return patch
}
