import { describe, expect, it } from 'vitest'
import type { Summary } from '../analytics/types'
import type { Booking } from '../bookings/types'
import { backoff, World, type Frame } from './world'

const booking = (id: string, status: Booking['status'], version: number, vehicle_id: string | null = null) =>
  ({ id, ref: id, status, version, vehicle_id, created_at: '2026-01-01T00:00:00Z' }) as Booking
const snapshot = (seq: number): Frame => ({
  t: 'snapshot',
  seq,
  now: 1000,
  vehicles: [[7, 'KA-1', 'van', 4250000, 150000, 90, 30, 1, 900, null], [8, 'KA-2', 'van', null, null, null, null, 3, null, null]],
  bookings: [booking('a', 'waiting', 1), booking('b', 'assigned', 2, 'KA-1')],
})

describe('the live world', () => {
  it('starts with a snapshot only', () => {
    const world = new World()
    expect(world.apply({ t: 'delta', seq: 1, now: 0 })).toBe(false)
    expect(world.apply(snapshot(1))).toBe(true)
    expect(world.byId.get('KA-1')).toMatchObject({ lat: 42.5, lon: 1.5, status: 'en_route' })
    expect(world.byId.get('KA-2')).toMatchObject({ lat: null, status: 'offline' })
    expect(world.unassigned().map((b) => b.id)).toEqual(['a'])
    expect(world.job.get('KA-1')?.id).toBe('b')
  })
  it('follows deltas and the selected vehicle', () => {
    const world = new World()
    world.apply(snapshot(1))
    expect(world.apply({ t: 'delta', seq: 2, now: 1, v: [[9, 1, 2, null, null, 0, 5]], new: [[9, 'KA-3', 'bike']], b: [] })).toBe(true)
    expect(world.byId.get('KA-3')?.lat).toBe(0.00001)
    expect(world.apply({ t: 'sel', seq: 3, v: [7, 4250001, 150000, 91, 31, 2, 950] })).toBe(true)
    expect(world.byId.get('KA-1')).toMatchObject({ lat: 42.50001, status: 'loading', fix: 950 })
    expect(world.apply({ t: 'delta', seq: 3, now: 1 })).toBe(false)
    expect(world.counts()).toEqual({ free: 1, en_route: 0, loading: 1, offline: 1, off_duty: 0, paused: 0 })
  })
  it('keeps the figures that it is told', () => {
    const world = new World()
    world.apply(snapshot(1))
    const summary = { behind: 0, figures: { bookings: 3 } } as Summary
    expect(world.apply({ t: 'figures', seq: 2, now: 1, summary })).toBe(true)
    expect(world.figures?.figures.bookings).toBe(3)
    expect(world.apply({ t: 'figures', seq: 2, now: 1, summary })).toBe(false)
  })
  it('makes a vehicle anew when it changes, and only then', () => {
    const world = new World()
    world.apply(snapshot(1))
    const [moved, still] = [world.byId.get('KA-1'), world.byId.get('KA-2')]
    world.apply({ t: 'delta', seq: 2, now: 1, v: [[7, 4250002, 150000, 91, 31, 1, 960]] })
    expect(world.byId.get('KA-1')).not.toBe(moved)
    expect(world.vehicles.get(7)).toBe(world.byId.get('KA-1'))
    expect(world.byId.get('KA-2')).toBe(still)
  })
  it('lets bookings end, but not go back', () => {
    const world = new World()
    world.apply(snapshot(1))
    world.apply({ t: 'delta', seq: 2, now: 1, b: [booking('b', 'delivered', 5, 'KA-1')] })
    expect(world.open.has('b')).toBe(false)
    expect(world.job.has('KA-1')).toBe(false)
    world.book(booking('b', 'assigned', 2, 'KA-1'))
    expect(world.booking('b')?.status).toBe('delivered')
  })
})

it('waits longer with every try, at most 15 s', () => {
  expect(backoff(0, 0)).toBe(250)
  expect(backoff(0, 1)).toBe(500)
  expect(backoff(50, 1)).toBe(15_000)
})
