import { expect, test } from 'vitest'
import type { Booking } from '../bookings/types'
import { lookOf, mayCancel, OPEN, PAST, stepsOf } from './steps'

const T = (minute: number) => `2026-03-01T09:${String(minute).padStart(2, '0')}:00Z`
const booking = (rest: Partial<Booking>) => ({ created_at: T(0), updated_at: T(50), ...rest }) as Booking

test('a booking under way tells what happened and when the rest is expected', () => {
  const eta = { pickup_at: T(20), dropoff_at: T(40), source: 'road' as const, computed_at: T(5) }
  expect(stepsOf(booking({ status: 'assigned', assigned_at: T(5), eta }))).toEqual([
    { name: 'Booked', at: T(0), now: false },
    { name: 'A vehicle has it', at: T(5), now: true },
    { name: 'At the pickup', expected: T(20), now: false },
    { name: 'Picked up', now: false },
    { name: 'Delivered', expected: T(40), now: false },
  ])
})

test('what was taken from a vehicle waits again', () => {
  expect(stepsOf(booking({ status: 'waiting', assigned_at: T(5) })).filter((s) => s.at)).toEqual([{ name: 'Booked', at: T(0), now: true }])
})

test('what ended before its time has nothing to come', () => {
  const eta = { dropoff_at: T(40), source: 'road' as const, computed_at: T(5) }
  expect(stepsOf(booking({ status: 'failed', assigned_at: T(5), ended_at: T(9), eta }))).toEqual([
    { name: 'Booked', at: T(0), now: false },
    { name: 'A vehicle has it', at: T(5), now: false },
    { name: 'Could not be done', at: T(9), now: true },
  ])
})

test('a customer calls off what no vehicle has', () => {
  const cancellable = [...OPEN, ...PAST].filter((status) => mayCancel({ status }))
  expect(cancellable).toEqual(['scheduled', 'waiting', 'offered'])
  expect(mayCancel({ status: 'waiting', origin: 'head_office' })).toBe(false)
  expect(lookOf({ status: 'offered' }).word).toBe('waiting')
})
