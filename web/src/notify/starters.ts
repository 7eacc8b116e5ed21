import type { Rule } from './types'

/** A rule to begin with. */
export type Starter = Pick<Rule, 'name' | 'events' | 'who' | 'channel' | 'subject' | 'text'> & Pick<Partial<Rule>, 'quiet' | 'limit' | 'digest_min'> & { about: string }

const NIGHT = '22:00-07:00'

/** Rules that many depots want. Each only fills the form in: who saves it has read it. */
export const STARTERS: Starter[] = [
  {
    name: 'Remind the customer',
    about: 'Before the pickup. A schedule of kind “reminders” says when.',
    events: ['booking.reminder'],
    who: 'customer',
    channel: 'mail',
    subject: '{depot}: {booking.reference} is coming up',
    text: 'We come at {booking.pickup_time} to {booking.pickup} and bring your load to {booking.dropoff}.\n\nYour booking is {booking.reference}.',
    quiet: { hours: NIGHT, then: 'drop' },
  },
  {
    name: 'The van is on its way',
    about: 'To the customer, once a vehicle has the booking.',
    events: ['booking.assigned'],
    who: 'customer',
    channel: 'mail',
    subject: '{booking.reference}: the van is on its way',
    text: 'Vehicle {vehicle} with {driver} comes to {booking.pickup}, at about {eta}.',
    quiet: { hours: NIGHT, then: 'wait' },
  },
  {
    name: 'Tell the recipient by SMS when to expect it',
    about: 'Once the load is on board.',
    events: ['booking.picked_up'],
    who: 'recipient',
    channel: 'gateway',
    subject: '',
    text: '{depot}: your delivery {booking.reference} is on its way and comes at about {eta}.',
    quiet: { hours: NIGHT, then: 'drop' },
  },
  {
    name: 'It was delivered',
    about: 'To the customer, after the drop-off.',
    events: ['booking.delivered'],
    who: 'customer',
    channel: 'mail',
    subject: '{booking.reference} was delivered',
    text: 'Your load was delivered to {booking.dropoff} at {time}. Thank you for sending it with {depot}.',
    quiet: { hours: NIGHT, then: 'wait' },
  },
  {
    name: 'Nobody was found for a booking',
    about: 'To staff, at the console.',
    events: ['booking.expired'],
    who: 'staff',
    channel: 'message',
    subject: '{booking.reference} has no vehicle',
    text: 'Nobody was found in time for {booking.customer}: {booking.pickup} to {booking.dropoff}, pickup {booking.pickup_time}.',
  },
  {
    name: 'A job will be late',
    about: 'To staff, at the console.',
    events: ['booking.late'],
    who: 'staff',
    channel: 'message',
    subject: '{booking.reference} will be {late} min late',
    text: '{vehicle} ({driver}, {driver.phone}) is now foreseen at {eta}.',
  },
  {
    name: 'A job failed or was called off',
    about: 'To staff, at the console.',
    events: ['booking.failed', 'booking.cancelled'],
    who: 'staff',
    channel: 'message',
    subject: '{booking.reference}: {booking.status}',
    text: '{booking.customer}, {booking.pickup} to {booking.dropoff}. Reason: {booking.reason}.',
  },
  {
    name: 'What went wrong, once an hour',
    about: 'One letter to addresses that you name.',
    events: ['booking.failed', 'booking.expired', 'booking.late'],
    who: 'addresses',
    channel: 'mail',
    subject: '{booking.reference}: {event}',
    text: '{booking.customer}, {booking.pickup} to {booking.dropoff}, vehicle {vehicle}. Reason: {booking.reason}.',
    digest_min: 60,
  },
]
