import { expect, it } from 'vitest'
import { actorName, age, ago, bytes, compass, count, countdown, distance, duration, localWords, percent, when } from './format'

it.each([
  [-5000, 'now'], [2999, 'now'], [12_000, '12 s'], [59_999, '59 s'], [60_000, '1 min'], [3_600_000, '1 h'], [172_800_000, '2 d'],
])('the age of %i ms is %s', (ms, text) => expect(age(ms)).toBe(text))

it('speaks plainly', () => {
  expect(ago(0)).toBe('just now')
  expect(ago(240_000)).toBe('4 min ago')
  expect(distance(420)).toBe('420 m')
  expect(distance(4200)).toBe('4.2 km')
  expect(duration(45)).toBe('45 s')
  expect(duration(3660)).toBe('1 h 01 min')
  expect([-5, 1, 581_000, 3_725_000].map(countdown)).toEqual(['0:00', '0:01', '9:41', '1:02:05'])
  expect(percent(0.9449)).toBe('94.5 %')
  expect(compass(350)).toBe('N')
  expect(compass(-90)).toBe('W')
  expect(actorName('user:ana')).toBe('ana')
  expect(actorName('token:k3f')).toBe('token k3f')
  expect(count(1, 'record')).toBe('1 record')
  expect(count(12_480, 'record')).toBe('12,480 records')
  expect([0, 1023, 1024, 4200, 10_200, 28_000_000].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '4.1 KiB', '10 KiB', '27 MiB'])
})

it('names the day only when it is another', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  expect(when('2026-03-01T09:30:00Z', 'UTC', now)).toBe('09:30')
  expect(when('2026-02-28T09:30:00Z', 'UTC', now)).toBe('28 Feb 09:30')
})

it('shows a local time with its offset', () => {
  expect(localWords('2026-10-25T01:30:00+01:00')).toBe('2026-10-25 01:30 +01:00')
  expect(localWords('2026-10-25T01:30:15Z')).toBe('2026-10-25 01:30:15 Z')
})
