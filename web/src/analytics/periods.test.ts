import { expect, it } from 'vitest'
import { PERIODS, periodOf, spanWords, stepOf } from './periods'

const LISBON = 'Europe/Lisbon'
const own = { from: '', to: '' }
const at = (iso: string) => Date.parse(iso)
const plain = (text: string) => text.replace(/[\u2009\u202f]/g, ' ')

it('ends with the present hour and is compared with the same hours', () => {
  const today = periodOf('today', own, at('2026-06-10T13:20:00Z'), LISBON)
  expect(today).toMatchObject({ from: '2026-06-09T23:00:00.000Z', to: '2026-06-10T14:00:00.000Z', running: true, first: '2026-06-10', last: '2026-06-10' })
  expect(today?.before).toMatchObject({ from: '2026-06-08T23:00:00.000Z', to: '2026-06-09T14:00:00.000Z', first: '2026-06-09', last: '2026-06-09' })
  expect(plain(spanWords(today!, LISBON))).toBe('10 Jun 2026, until 15:00')
})

it('takes whole days on which the clocks change', () => {
  const forward = periodOf('yesterday', own, at('2026-03-30T10:00:00Z'), LISBON)
  expect(forward).toMatchObject({ from: '2026-03-29T00:00:00.000Z', to: '2026-03-29T23:00:00.000Z', days: 1, running: false })
  expect(forward?.before).toMatchObject({ from: '2026-03-28T00:00:00.000Z', to: '2026-03-29T00:00:00.000Z', days: 1 })
  const back = periodOf('own', { from: '2026-10-19', to: '2026-10-25' }, at('2026-11-10T10:00:00Z'), LISBON)
  expect(back).toMatchObject({ from: '2026-10-18T23:00:00.000Z', to: '2026-10-26T00:00:00.000Z', days: 7 })
  expect(back?.before).toMatchObject({ from: '2026-10-11T23:00:00.000Z', to: '2026-10-18T23:00:00.000Z', days: 7 })
  expect(plain(spanWords(back!, LISBON))).toBe('19 – 25 Oct 2026')
})

it('knows a day without midnight, and clocks that are not at the full hour', () => {
  const brazil = periodOf('yesterday', own, at('2018-11-05T12:00:00Z'), 'America/Sao_Paulo')
  expect(brazil).toMatchObject({ from: '2018-11-04T03:00:00.000Z', to: '2018-11-05T02:00:00.000Z', days: 1 })
  const nepal = periodOf('today', own, at('2026-06-10T12:20:00Z'), 'Asia/Kathmandu')
  expect(nepal).toMatchObject({ from: '2026-06-09T18:15:00.000Z', to: '2026-06-10T13:15:00.000Z' })
})

it('compares a week with the week before and a month with the month before', () => {
  // A Wednesday.
  const now = at('2026-04-01T09:30:00Z')
  const week = periodOf('week', own, now, LISBON)
  expect(week).toMatchObject({ first: '2026-03-30', last: '2026-04-01' })
  // The clocks were put forward in between: the same wall time is another distance.
  expect(week?.before).toMatchObject({ from: '2026-03-23T00:00:00.000Z', to: '2026-03-25T11:00:00.000Z' })
  expect(periodOf('month', own, now, LISBON)?.before).toMatchObject({ from: '2026-03-01T00:00:00.000Z', to: '2026-03-01T11:00:00.000Z' })
  const longer = periodOf('month', own, at('2026-03-30T09:30:00Z'), LISBON)
  expect(longer?.before).toMatchObject({ first: '2026-02-01', last: '2026-02-28', to: '2026-03-01T00:00:00.000Z' })
  const lastHour = periodOf('month', own, at('2026-03-31T22:30:00Z'), LISBON)
  expect(lastHour).toMatchObject({ days: 31 })
  expect(lastHour?.before).toMatchObject({ first: '2026-02-01', last: '2026-02-28', days: 28 })
})

it('needs both own dates, in their order', () => {
  const now = at('2026-06-10T13:20:00Z')
  expect(periodOf('own', own, now, LISBON)).toBeNull()
  expect(periodOf('own', { from: '2026-06-02', to: '2026-06-01' }, now, LISBON)).toBeNull()
  expect(periodOf('own', { from: 'nonsense', to: 'nonsense' }, now, LISBON)).toBeNull()
  expect(periodOf('own', { from: '2026-06-01', to: '2026-06-12' }, now, LISBON)).toMatchObject({ running: false, days: 12 })
})

it.each([LISBON, 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Asia/Kathmandu'])('never overlaps with what it is compared with in %s', (zone) => {
  // Around each change of the clocks in any of these zones.
  for (const day of ['2018-02-16', '2018-03-24', '2018-03-31', '2018-10-06', '2018-10-27', '2018-11-03']) {
    for (let hour = 0; hour < 72; hour += 7) {
      for (const [name] of PERIODS.filter(([name]) => name !== 'own')) {
        const p = periodOf(name, own, at(`${day}T00:10:00Z`) + hour * 3_600_000, zone)!
        const [from, to, earlier, end] = [p.from, p.to, p.before.from, p.before.to].map(Date.parse) as [number, number, number, number]
        expect(earlier < end && end <= from && from < to, `${name} of ${JSON.stringify(p)} in ${zone}`).toBe(true)
        expect(name === 'month' || Math.abs(p.before.days - p.days) < 0.1, `${name} of ${JSON.stringify(p)} in ${zone}`).toBe(true)
      }
    }
  }
})

it('takes longer steps for longer times', () => {
  const of = (from: string, to: string) => stepOf(periodOf('own', { from, to }, 0, LISBON)!)
  expect([of('2026-10-24', '2026-10-25'), of('2026-10-01', '2026-10-31'), of('2026-01-01', '2026-12-31')]).toEqual(['hour', 'day', 'week'])
})
