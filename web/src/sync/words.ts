/** The line to head office in words. */
import { actorName, age, count, when } from '../lib/format'
import { LINE, type Look } from '../lib/status'
import type { Sync, SyncLane, SyncSink } from './types'

/** What a lane holds. */
export const LANE: Record<SyncLane['lane'], string> = {
  bookings: 'what people decide, and the audit record',
  dispatch: 'dispatch rounds and warnings',
  live: 'where everyone is: only the latest counts',
  history: 'where everyone was, by quarter of an hour',
}

/** No line, though it was tried; before the first answer it is only being connected. */
export const isDown = (sink: SyncSink) => sink.mode === 'offline' && sink.failures > 0

export function lookOf(sink: SyncSink): Look {
  return LINE[sink.mode === 'offline' && !isDown(sink) ? 'connecting' : sink.mode]
}

/** The records that wait for any of these sinks, each counted once: what waits in a lane for one waits for the others too. */
export function waiting(sinks: SyncSink[]): { records: number; oldest: string | null } {
  const lanes = new Map<string, number>()
  let oldest: string | null = null
  for (const lane of sinks.flatMap((sink) => sink.lanes)) {
    lanes.set(lane.lane, Math.max(lanes.get(lane.lane) ?? 0, lane.backlog))
    if (lane.oldest && (oldest === null || Date.parse(lane.oldest) < Date.parse(oldest))) oldest = lane.oldest
  }
  return { records: [...lanes.values()].reduce((sum, n) => sum + n, 0), oldest }
}

const named = (some: SyncSink[], all: SyncSink[]) => (some.length === all.length ? 'head office' : some.map((s) => s.name).join(', '))
const first = (sinks: SyncSink[]) => sinks.map((s) => s.since).sort((a, b) => Date.parse(a) - Date.parse(b))[0] ?? ''

export interface Banner {
  tone: 'amber' | 'quiet'
  /** What is the matter; the same until it changes. */
  said: string
  /** How much waits. */
  figures: string
}

/** What every screen says about the line; `null` when it is as it should be. */
export function banner({ sinks }: Sync, now: number, zone?: string): Banner | null {
  const down = sinks.filter(isDown)
  if (down.length > 0) {
    const { records, oldest } = waiting(down)
    const old = records > 0 && oldest ? age(now - Date.parse(oldest)) : 'now'
    const figures = `${records > 0 ? `${count(records, 'record')} queued` : 'Nothing is queued'}${old === 'now' ? '' : `, the oldest ${old} old`}.`
    return { tone: 'amber', said: `Working locally: ${named(down, sinks)} cannot be reached since ${when(first(down), zone, now)}.`, figures }
  }
  const paused = sinks.filter((s) => s.mode === 'paused')
  if (paused.length === 0) return null
  const by = [...new Set(paused.map((s) => actorName(s.paused_by ?? '')))].filter(Boolean).join(', ')
  const { records } = waiting(paused)
  const said = `Sync to ${named(paused, sinks)} is paused${by && ` by ${by}`} since ${when(first(paused), zone, now)}.`
  return { tone: 'quiet', said, figures: records > 0 ? `${count(records, 'record')} queued.` : '' }
}

/** The line in the top bar: the worst of its sinks. */
export function brief({ sinks }: Sync, now: number): { look: Look; text: string } {
  const queued = (some: SyncSink[]) => (waiting(some).records > 0 ? `, ${waiting(some).records.toLocaleString('en-GB')} queued` : '')
  const down = sinks.filter(isDown)
  if (down.length > 0) return { look: LINE.offline, text: `upstream offline ${age(now - Date.parse(first(down)))}${queued(down)}` }
  for (const mode of ['offline', 'paused', 'catching_up', 'closed'] as const) {
    const some = sinks.filter((s) => s.mode === mode)
    // A line that has just sent what was new is as good as live.
    if (some.length === 0 || (mode === 'catching_up' && waiting(some).records === 0)) continue
    const look = mode === 'offline' ? LINE.connecting : LINE[mode]
    return { look, text: `upstream ${look.word}${queued(some)}` }
  }
  return { look: LINE.live, text: 'upstream ok' }
}

const CAUSES: [RegExp, string][] = [
  [/no answer within|timed? ?out/i, 'It does not answer.'],
  [/dns|resolve|lookup|name or service/i, 'Its name is not known here: is there a network, and is the name right?'],
  [/unreachable|no route/i, 'There is no way to it: is there a network?'],
  [/connection refused/i, 'The machine is there, but nothing listens: is its server running?'],
  [/certificate|handshake|tls/i, 'Both do not trust each other: look at the certificates.'],
  [/\b401\b|\b403\b|password|authenti|authori[sz]/i, 'It does not accept this depot: look at the secret.'],
  [/\b429\b|\b503\b/, 'It is there, but asks to be left alone for now.'],
  [/\b5\d\d\b/, 'It is there, but has a fault of its own.'],
  [/reset|closed|broken pipe|eof|incomplete/i, 'The connection breaks off.'],
]

/** What a fault means, where that can be told from its words. */
export function cause(fault: string): string {
  return CAUSES.find(([pattern]) => pattern.test(fault))?.[1] ?? 'It does not work.'
}

/** "5, 7–12, 40" */
export function ranges(numbers: number[]): string {
  const runs: [number, number][] = []
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && n === last[1] + 1) last[1] = n
    else runs.push([n, n])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}
