import { expect, test } from 'vitest'
import type { Booking, Site } from '../bookings/types'
import { placesOf } from './places'

const site = (address?: string, lat = 42): Site => ({ lat, lon: 1.5, address })
const booking = (pickup: Site, dropoff: Site) => ({ pickup, dropoff }) as Booking

test('each address once, as the newest booking has it', () => {
  const bookings = [booking(site('Dock 3', 42.5), site()), booking(site('dock 3 ', 41), site('Market'))]
  expect(placesOf(bookings)).toEqual([site('Dock 3', 42.5), site('Market')])
  expect(placesOf(bookings, 1).length).toBe(1)
})
