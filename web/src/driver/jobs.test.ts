import { expect, test } from 'vitest'
import type { Booking } from '../bookings/types'
import { after, metres, nextStep, sketch, toDo } from './jobs'
import type { Queued } from './types'

const job = (id: string, status: Booking['status']) => ({ id, status }) as Booking
const step = (booking_id: string, name: Queued['step'], refused?: string) => ({ booking_id, step: name, ...(refused ? { refused } : {}) }) as Queued

test('a job stands where the driver left it, though the depot does not know yet', () => {
  const queued = [step('a', 'arrived'), step('a', 'picked_up')]
  expect(after(job('a', 'assigned'), queued).status).toBe('picked_up')
  expect(nextStep(after(job('a', 'assigned'), queued))).toBe('delivered')
  // What the depot heard of meanwhile is no step back.
  expect(after(job('a', 'picked_up'), [step('a', 'arrived')]).status).toBe('picked_up')
  expect(after(job('a', 'assigned'), [step('a', 'arrived', 'refused')]).status).toBe('assigned')
})

test('what is on board comes first, what is done is gone', () => {
  const jobs = [job('a', 'assigned'), job('b', 'picked_up'), job('c', 'arrived'), job('d', 'assigned'), job('e', 'cancelled')]
  expect(toDo(jobs, [step('d', 'failed'), step('c', 'delivered')]).map((j) => j.id)).toEqual(['b', 'a'])
})

test('a sketch keeps to its sheet and to north', () => {
  const [a, b] = sketch([{ lat: 42, lon: 1 }, { lat: 43, lon: 1.5 }], 300, 200, 20)
  expect(a!.y).toBeCloseTo(180)
  expect(b!.y).toBeCloseTo(20)
  expect(a!.x).toBeLessThan(b!.x)
  expect(sketch([{ lat: 42, lon: 1 }], 300, 200, 20)).toEqual([{ x: 150, y: 100 }])
  expect(metres({ lat: 0, lon: 0 }, { lat: 0, lon: 1 })).toBeCloseTo(111_195, 0)
})
