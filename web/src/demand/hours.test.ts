import { expect, it } from 'vitest'
import { dayMarks, distanceWords, HOUR, hourNamed, hourOf, hourWords, within } from './hours'

const present = Date.parse('2026-11-29T23:00:00Z')

it('takes the hour that an address names, within reach', () => {
  expect(hourOf(present + 59 * 60_000)).toBe(present)
  expect(hourNamed('2026-11-30T08:20:00Z', present)).toBe(present + 9 * HOUR)
  expect(hourNamed('2026-11-28T23:00:00Z', present)).toBe(present - 24 * HOUR)
  for (const none of [null, '', 'soon', '2026-11-29T23:30:00Z', '2026-11-28T22:59:00Z', '2026-12-07T00:00:00Z']) expect(hourNamed(none, present)).toBeNull()
  expect([-99, 3.4, 999].map(within)).toEqual([-24, 3, 168])
})

it('tells hours in the zone, and which one it is where the clocks show it twice', () => {
  expect(hourWords(present, 'UTC')).toBe('Sun 29 Nov, 23:00 – 00:00')
  expect(hourWords(present, 'Asia/Kolkata')).toBe('Mon 30 Nov, 04:30 – 05:30')
  const back = Date.parse('2026-10-25T00:00:00Z')
  expect([back, back + HOUR].map((at) => hourWords(at, 'Europe/Lisbon'))).toEqual(['Sun 25 Oct, 01:00 – 01:00 (+01:00)', 'Sun 25 Oct, 01:00 – 02:00 (+00:00)'])
})

it('tells how far away it is', () => {
  expect([0, 5, -5, 48, 51, -24].map(distanceWords)).toEqual(['now', 'in 5 h', '5 h ago', 'in 2 d', 'in 2 d 3 h', '1 d ago'])
})

it('marks where days begin', () => {
  const marks = dayMarks(present, 'UTC')
  expect(marks.map((m) => m.name)).toEqual(['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])
  expect(marks[1]?.at).toBeCloseTo(25 / 192)
  // Midnight is an hour later there.
  expect(dayMarks(present, 'Atlantic/Azores')[1]?.at).toBeCloseTo(26 / 192)
})
