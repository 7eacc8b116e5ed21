import { expect, it } from 'vitest'
import { metres, nearest } from './nearest'

it('measures on the sphere', () => {
  expect(metres({ lat: 0, lon: 0 }, { lat: 0, lon: 1 })).toBeCloseTo(111_194.9, 0)
  expect(metres({ lat: 60, lon: 10 }, { lat: 60, lon: 10 })).toBe(0)
})

it('gives each vehicle to one booking, the shortest way first', () => {
  const at = (lon: number) => ({ lat: 0, lon })
  const bookings = [{ id: 'far', pickup: at(3) }, { id: 'near', pickup: at(1) }, { id: 'last', pickup: at(9) }]
  const vehicles = [{ id: 'a', ...at(1.1) }, { id: 'b', ...at(0) }, { id: 'lost', lat: null, lon: null }]
  expect(nearest(bookings, vehicles).map((p) => [p.booking, p.vehicle])).toEqual([['near', 'a'], ['far', 'b']])
})
