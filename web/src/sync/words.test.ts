import { expect, it } from 'vitest'
import type { Sync, SyncLane, SyncSink } from './types'
import { banner, brief, cause, lookOf, ranges, waiting } from './words'

const NOW = Date.parse('2026-05-30T14:19:00Z')
const lane = (name: SyncLane['lane'], backlog: number, oldest: string | null = null): SyncLane => ({
  lane: name, backlog, oldest, head: 100, through: 100 - backlog, acked_at: null, records: 0, bytes: 0, lost: 0, held_up: null,
})
const sink = (more: Partial<SyncSink> = {}): SyncSink => ({
  name: 'office', kind: 'http', mode: 'live', since: '2026-05-30T14:05:00Z', paused_by: null, fault: null, failures: 0, next_attempt_at: null,
  lanes: [], verified: null, verify_fault: null, ...more,
})
const sync = (...sinks: SyncSink[]): Sync => ({ depot: 'lyon-1', configured: sinks.length > 0, sinks })
const down = (...lanes: SyncLane[]) => sink({ mode: 'offline', failures: 3, fault: 'no', lanes })

it('says nothing when all is well, or there is no line', () => {
  expect(banner(sync(), NOW)).toBeNull()
  expect(banner(sync(sink(), sink({ name: 'lake', mode: 'closed' })), NOW)).toBeNull()
  expect(banner(sync(sink({ mode: 'offline' })), NOW), 'before the first answer').toBeNull()
})

it('says what waits while there is no line', () => {
  const office = down(lane('bookings', 30, '2026-05-30T14:07:00Z'), lane('history', 7, '2026-05-30T14:15:00Z'))
  expect(banner(sync(office), NOW, 'UTC')).toEqual({
    tone: 'amber', said: 'Working locally: head office cannot be reached since 14:05.', figures: '37 records queued, the oldest 12 min old.',
  })
  expect(banner(sync(office, sink({ name: 'lake' })), NOW, 'Europe/Paris')?.said).toBe('Working locally: office cannot be reached since 16:05.')
  expect(banner(sync(down(lane('bookings', 1))), NOW)?.figures).toBe('1 record queued.')
  expect(banner(sync(down()), NOW)?.figures).toBe('Nothing is queued.')
})

it('says more quietly that people paused it', () => {
  const paused = sink({ mode: 'paused', paused_by: 'user:ada', lanes: [lane('bookings', 2)] })
  expect(banner(sync(paused), NOW, 'UTC')).toEqual({ tone: 'quiet', said: 'Sync to head office is paused by ada since 14:05.', figures: '2 records queued.' })
  expect(banner(sync(paused, { ...down(), name: 'lake' }), NOW)?.tone, 'a line that is down comes first').toBe('amber')
})

it('counts a record once, though it waits for two', () => {
  const both = [down(lane('bookings', 30, '2026-05-30T14:07:00Z')), down(lane('bookings', 12, '2026-05-30T14:06:00Z'), lane('dispatch', 5))]
  expect(waiting(both)).toEqual({ records: 35, oldest: '2026-05-30T14:06:00Z' })
})

it('is brief in the top bar', () => {
  expect(brief(sync(sink()), NOW).text).toBe('upstream ok')
  expect(brief(sync(sink({ mode: 'catching_up' })), NOW).text).toBe('upstream ok')
  expect(brief(sync(sink({ mode: 'catching_up', lanes: [lane('bookings', 1200)] })), NOW).text).toBe('upstream catching up, 1,200 queued')
  expect(brief(sync(sink({ mode: 'paused' }), down(lane('bookings', 37))), NOW).text).toBe('upstream offline 14 min, 37 queued')
  expect(brief(sync(sink({ mode: 'offline' })), NOW).text).toBe('upstream connecting')
  expect(lookOf(sink({ mode: 'offline' })).word).toBe('connecting')
})

it.each([
  ['client error (Connect): tcp connect error: Connection refused (os error 111)', /nothing listens/],
  ['client error (Connect): dns error: failed to lookup address information: Name or service not known', /name is not known/],
  ['no answer within 30s', /does not answer/],
  ['connection reset by peer', /breaks off/],
  ['401 Unauthorized: the token is not known', /look at the secret/],
  ['503 Service Unavailable', /left alone/],
  ['something that nobody foresaw', /does not work/],
])('knows what %s means', (fault, said) => expect(cause(fault)).toMatch(said))

it('joins numbers that follow each other', () => {
  expect(ranges([5, 7, 9, 8, 40])).toBe('5, 7–9, 40')
  expect(ranges([])).toBe('')
})
