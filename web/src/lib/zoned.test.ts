import { expect, it } from 'vitest'
import { dayAfter, dayFrom, dayStart, instantAt, instants, localTime, offsetOf } from './zoned'

it.each([
  ['2026-06-01T08:30', 'Europe/Lisbon', ['2026-06-01T07:30:00.000Z']],
  // The clocks are put forward at one, and back at two.
  ['2026-03-29T01:30', 'Europe/Lisbon', []],
  ['2026-10-25T01:30', 'Europe/Lisbon', ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']],
  ['2026-10-25T02:00', 'Europe/Lisbon', ['2026-10-25T02:00:00.000Z']],
  ['2018-11-04T00:30', 'America/Sao_Paulo', []],
  ['2018-02-17T23:30', 'America/Sao_Paulo', ['2018-02-18T01:30:00.000Z', '2018-02-18T02:30:00.000Z']],
  ['2026-04-05T01:45', 'Australia/Lord_Howe', ['2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z']],
  ['nonsense', 'UTC', []],
])('%s in %s', (local, zone, found) => expect(instants(local, zone)).toEqual(found))

it('shows an instant as the zone does, and back', () => {
  for (const zone of ['Europe/Lisbon', 'America/Sao_Paulo', 'Asia/Kathmandu', 'UTC']) {
    for (let day = 0; day < 366; day++) {
      const iso = new Date(Date.UTC(2026, 0, 1 + day, 12, 45)).toISOString()
      expect(instants(localTime(iso, zone), zone)).toContain(iso)
    }
  }
  expect(localTime(null, 'UTC')).toBe('')
  expect(offsetOf('2026-10-25T00:30:00Z', 'Europe/Lisbon')).toBe('+01:00')
  expect(offsetOf('2026-01-01T00:00:00Z', 'America/Sao_Paulo')).toBe('−03:00')
})

it('knows where a day begins', () => {
  expect(dayStart('2026-06-01', 'Europe/Lisbon')).toBe('2026-05-31T23:00:00.000Z')
  expect(dayStart('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z')
  expect(dayAfter('2026-12-31')).toBe('2027-01-01')
  expect(dayFrom('2028-03-01', -1)).toBe('2028-02-29')
  expect(instantAt('2026-03-29T01:30', 'Europe/Lisbon')).toBe('2026-03-29T01:00:00.000Z')
  expect(instantAt('nonsense', 'UTC')).toBe('')
})
