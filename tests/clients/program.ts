// A customer's program, typed by the client that a depot's description makes; says at the end what it did.
// usage: node program.js URL TOKEN HOOK
import createClient from 'openapi-fetch'
import type { components, paths, webhooks } from './depot.js'

type Schemas = components['schemas']
type Delivered = webhooks['booking.delivered']['post']['requestBody']['content']['application/json']

const [url, token, hook] = process.argv.slice(2) as [string, string, string]
const depot = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } })

/** What an answer holds, or the problem that it tells. */
function taken<T>(answer: { data?: T; error?: Schemas['Problem'] }): T {
  if (answer.error) throw new Error(`${answer.error.status} ${answer.error.title}: ${answer.error.detail}`)
  return answer.data as T
}

/** Only compiles while every status is dealt with. */
function isOver(status: Schemas['BookingStatus']): boolean {
  switch (status) {
    case 'delivered':
    case 'cancelled':
    case 'failed':
    case 'expired':
      return true
    case 'scheduled':
    case 'waiting':
    case 'offered':
    case 'assigned':
    case 'arrived':
    case 'picked_up':
      return false
  }
}

/** What a receiver of webhooks reads. */
export function delivered({ type, data }: Delivered): string {
  const name: 'booking.delivered' = type
  return `${name} ${data.booking_id.slice(0, 8)} ${data.detail.ref} ${data.detail.price.amount_minor.toFixed()}`
}

const session = taken(await depot.GET('/api/v1/session'))
if (session.user?.role !== 'admin') throw new Error(`the token is ${session.user?.role}`)

const order: Schemas['OrderRequest'] = {
  pickup: { lat: 42.5063, lon: 1.5218, address: 'Dock 3', contact: { name: 'Ana', phone: '+376 800 100' } },
  dropoff: { lat: 42.4633, lon: 1.491 },
  stops: [{ lat: 42.48, lon: 1.5, kind: 'visit' }],
  priority: 'high',
  load_kg: 120,
}
const quote = taken(await depot.POST('/api/v1/quotes', { body: order }))
const lines: number = quote.breakdown.reduce((sum, line) => sum + line.amount_minor, 0)
if (lines !== quote.price.amount_minor) throw new Error('the lines are not the price')

const book = (key: string) =>
  depot.POST('/api/v1/bookings', { body: { ...order, quote_id: quote.id }, params: { header: { 'Idempotency-Key': key } } })
const booking = taken(await book('a'))
const again = taken(await book('a'))
if (again.id !== booking.id || booking.price.currency !== quote.price.currency) throw new Error('not the booking of the quote')
for (const customer of ['Bakery Pons', 'Bakery Pons']) taken(await depot.POST('/api/v1/bookings', { body: { ...order, customer } }))

const listed: Schemas['Booking'][] = []
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { limit: 2, status: 'waiting,assigned', ...(cursor && { cursor }) }
  const page: Schemas['List_Booking'] = taken(await depot.GET('/api/v1/bookings', { params: { query } }))
  listed.push(...page.items)
  cursor = page.next
}
if (listed.some((one) => isOver(one.status))) throw new Error('one of them is over')

const path = { id: booking.id }
const read = await depot.GET('/api/v1/bookings/{id}', { params: { path } })
const match = { 'If-Match': read.response.headers.get('etag') ?? '' }
const patch: Schemas['BookingPatch'] = { notes: 'ring twice', dropoff: { address: 'Rua 1' }, load_kg: null }
const patched = taken(await depot.PATCH('/api/v1/bookings/{id}', { params: { path, header: match }, body: patch }))
if (patched.notes !== 'ring twice' || patched.load_kg !== undefined) throw new Error('it was not changed')
const stale = await depot.PATCH('/api/v1/bookings/{id}', { params: { path, header: match }, body: { notes: 'late' } })
if (stale.error?.status !== 412) throw new Error('a stale change was taken')
const cancelled = taken(await depot.POST('/api/v1/bookings/{id}/cancel', { params: { path }, body: { reason: 'closed today' } }))

const wrong = await depot.POST('/api/v1/quotes', { body: { ...order, pickup: { lat: 95, lon: 1.5 } } })
const faults: string[] = wrong.error?.errors?.map((fault) => fault.field) ?? []
const missing = await depot.GET('/api/v1/bookings/{id}', { params: { path: { id: 'none' } } })

const vehicles = taken(await depot.GET('/api/v1/vehicles', { params: { query: { status: 'offline' } } }))
const drivers = taken(await depot.GET('/api/v1/drivers', { params: { query: { limit: 10 } } }))
const rounds = taken(await depot.GET('/api/v1/bookings/{id}/dispatch', { params: { path } }))
const sentences: string[] = rounds.items.map((round) => round.sentence)
const webhook = taken(await depot.POST('/api/v1/webhooks', { body: { url: hook, events: ['booking.*'] } }))
const { figures } = taken(await depot.GET('/api/v1/analytics/summary', { params: { query: { compare: true } } }))
const csv = taken(await depot.GET('/api/v1/bookings.csv', { parseAs: 'text' }))

console.log(
  JSON.stringify({
    booking: cancelled.id,
    status: cancelled.status,
    listed: listed.length,
    faults,
    missing: missing.error?.status,
    vehicles: vehicles.items.map((vehicle) => vehicle.id),
    drivers: drivers.items.map((driver) => driver.name),
    rounds: sentences.length,
    secret: webhook.secret.startsWith('whsec_'),
    delivered: figures.delivered,
    revenue: figures.revenue.map((money) => money.amount_minor),
    csv: csv.trim().split('\n').length,
  }),
)

// What is not so is told before anything is sent.
export async function refusedByTheCompiler() {
  // @ts-expect-error There is no such status.
  isOver('lost')
  // @ts-expect-error A trip goes somewhere.
  await depot.POST('/api/v1/quotes', { body: { pickup: order.pickup } })
  // @ts-expect-error There is no such priority.
  await depot.POST('/api/v1/quotes', { body: { ...order, priority: 'soon' } })
  // @ts-expect-error A change says of what version.
  await depot.PATCH('/api/v1/bookings/{id}', { params: { path }, body: patch })
  // @ts-expect-error Prices are not plain numbers.
  const price: number = quote.price
  return price
}
