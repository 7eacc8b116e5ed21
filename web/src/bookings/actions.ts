import type { Booking, BookingStatus } from './types'

/** What a dispatcher may do with a booking as it stands. */
export interface Action {
  name: 'assign' | 'unassign' | 'arrived' | 'picked_up' | 'delivered' | 'reopen' | 'fail' | 'cancel'
  /** Of its button. */
  label: string
  /** What it is about, when a reason is asked for. */
  why: string
  reason: 'must' | 'may' | 'none'
  /** Below `/bookings/{id}`. */
  path: string
  /** Sent whatever else is. */
  body: Record<string, unknown>
  /** Told when it is done. */
  said: string
  danger: boolean
  /** Where the booking is then on the board. */
  to: string
}

/** The board's columns; each status is in one. */
export const COLUMNS: { name: string; statuses: BookingStatus[] }[] = [
  { name: 'New', statuses: ['scheduled', 'waiting', 'offered'] },
  { name: 'Assigned', statuses: ['assigned'] },
  { name: 'At stop', statuses: ['arrived'] },
  { name: 'En route', statuses: ['picked_up'] },
  { name: 'Done', statuses: ['delivered'] },
  { name: 'Exception', statuses: ['cancelled', 'failed', 'expired'] },
]

const step = (name: 'arrived' | 'picked_up' | 'delivered', label: string, to: string): Action => ({
  name, label, to, why: '', reason: 'none', path: '/steps', body: { step: name }, said: label, danger: false,
})
const act = (name: 'assign' | 'unassign' | 'reopen' | 'fail' | 'cancel', to: string, rest: Pick<Action, 'label' | 'why' | 'reason' | 'said'>): Action => ({
  name, to, path: `/${name}`, body: {}, danger: rest.reason === 'must', ...rest,
})
const ACTIONS: Record<Action['name'], Action> = {
  assign: act('assign', 'Assigned', { label: 'Assign', why: 'Reason', reason: 'may', said: 'Assigned' }),
  unassign: act('unassign', 'New', { label: 'Take back', why: 'Why is it taken from the vehicle?', reason: 'must', said: 'It waits again' }),
  arrived: step('arrived', 'At the pickup', 'At stop'),
  picked_up: step('picked_up', 'Picked up', 'En route'),
  delivered: step('delivered', 'Delivered', 'Done'),
  reopen: act('reopen', 'New', { label: 'Re-open', why: 'Why is it wanted again?', reason: 'may', said: 'Re-opened' }),
  fail: act('fail', 'Exception', { label: 'Failed', why: 'Why could it not be done?', reason: 'must', said: 'Failed' }),
  cancel: act('cancel', 'Exception', { label: 'Cancel', why: 'Why is it cancelled?', reason: 'must', said: 'Cancelled' }),
}
const OF: Record<BookingStatus, Action['name'][]> = {
  scheduled: ['assign', 'cancel'],
  waiting: ['assign', 'cancel'],
  offered: ['assign', 'cancel'],
  assigned: ['arrived', 'unassign', 'fail', 'cancel'],
  arrived: ['picked_up', 'unassign', 'fail', 'cancel'],
  picked_up: ['delivered', 'fail'],
  delivered: [],
  cancelled: ['reopen'],
  failed: ['reopen'],
  expired: ['reopen'],
}

export const actionsOf = (b: Pick<Booking, 'status'>): Action[] => OF[b.status].map((name) => ACTIONS[name])

export const CANCEL = ACTIONS.cancel

/** Where a booking may go on the board; the first way there is the one that is taken. */
export function movesOf(b: Pick<Booking, 'status'>): Action[] {
  const moves = new Map<string, Action>()
  for (const action of actionsOf(b)) if (!moves.has(action.to)) moves.set(action.to, action)
  return [...moves.values()]
}

export const columnOf = (b: Pick<Booking, 'status'>): string => COLUMNS.find((c) => c.statuses.includes(b.status))?.name ?? ''
