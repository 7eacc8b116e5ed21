/** What others may hear of, as `src/notify/catalogue.rs` has it; a test compares the two. */
export const EVENTS: Record<string, string> = {
  'booking.placed': 'A booking was taken.',
  'booking.changed': 'What was ordered changed.',
  'booking.released': 'A scheduled booking became due.',
  'booking.offered': 'A driver was asked.',
  'booking.declined': 'The driver declined or did not answer.',
  'booking.offer_withdrawn': 'The question to a driver was taken back.',
  'booking.assigned': 'A vehicle got the booking.',
  'booking.unassigned': 'The vehicle lost it.',
  'booking.arrived': 'The vehicle is at the pickup.',
  'booking.picked_up': 'The load is on board.',
  'booking.delivered': 'The load was delivered.',
  'booking.failed': 'It could not be done.',
  'booking.cancelled': 'It was called off.',
  'booking.expired': 'Nobody was found in time.',
  'booking.reopened': 'It was given up, and is wanted after all.',
  'booking.locked': 'The dispatcher is to keep its hands off.',
  'booking.unlocked': 'The dispatcher may have it again.',
  'booking.late': 'A job under way will be late, or later than was told.',
  'booking.on_time': 'It will be in time after all.',
  'booking.reminder': 'Its pickup is not far off any more.',
  'day.planned': 'A day to come was planned.',
  'report.made': 'The report of a day was made.',
  'vehicle.changed': 'A vehicle was registered or its data changed.',
  'vehicle.duty_changed': 'A vehicle went on or off duty without a driver who is known.',
  'driver.changed': 'A driver or a shift of his was added, changed or deleted.',
  'duty.started': 'A driver went on duty with a vehicle.',
  'duty.ended': 'A driver went off duty.',
  'break.started': 'A driver on duty began a break.',
  'break.ended': 'He is back.',
}

/** What texts may hold in braces, and what each stands for, as `src/notify/template.rs` has it; a test compares the two. */
export const PLACEHOLDERS: Record<string, string> = {
  'booking.reference': 'its short name, like B-1042',
  'booking.status': 'where it stands, in the rule’s language',
  'booking.customer': 'who ordered it',
  'booking.customer_reference': 'the customer’s own reference',
  'booking.pickup': 'the address of the pickup, or its coordinates',
  'booking.dropoff': 'the address of the drop-off, or its coordinates',
  'booking.pickup_time': 'when it is to be picked up, in the depot’s zone',
  'booking.price': 'what it costs, like 12.05 EUR',
  'booking.pin': 'what the recipient is to tell the driver, where the tariff asks for a PIN',
  'booking.notes': 'its notes',
  'booking.reason': 'why it was cancelled or failed',
  vehicle: 'the vehicle that the event concerns',
  driver: 'the name of who is on duty with it',
  'driver.phone': 'his telephone number',
  eta: 'when the vehicle is foreseen: at the pickup, or with the load on board at the drop-off',
  late: 'by how many minutes it will be late',
  event: 'what happened, like booking.assigned',
  time: 'when it happened, in the depot’s zone',
  depot: 'the depot’s name',
}

/** The nouns of the events, in the groups in which people look for them. */
const GROUPS: [string, string[]][] = [
  ['Bookings', ['booking']],
  ['Vehicles and drivers', ['vehicle', 'driver', 'duty', 'break']],
  ['Plans and reports', ['day', 'report']],
]
/** All events of a noun. */
export const allOf = (noun: string) => `${noun}.*`
export const nounOf = (event: string) => event.split('.')[0] ?? ''

export interface Group {
  title: string
  nouns: { noun: string; events: [string, string][] }[]
}
export const groups: Group[] = GROUPS.map(([title, nouns]) => ({
  title,
  nouns: nouns.map((noun) => ({ noun, events: Object.entries(EVENTS).filter(([event]) => nounOf(event) === noun) })),
}))

/** Does a pattern like `booking.assigned` or `booking.*` mean that event? */
export const fits = (pattern: string, event: string) => pattern === event || pattern === allOf(nounOf(event))

/** The events that patterns mean, in the catalogue's order. */
export const meant = (patterns: string[]) => Object.keys(EVENTS).filter((event) => patterns.some((pattern) => fits(pattern, event)))

/** The patterns after one more was ticked, or one taken away: what all of a noun means is not named beside it. */
export function toggled(patterns: string[], pattern: string): string[] {
  if (patterns.includes(pattern)) return patterns.filter((p) => p !== pattern)
  const left = pattern.endsWith('.*') ? patterns.filter((p) => !fits(pattern, p)) : patterns
  return [...left, pattern]
}
