export type LineMode = 'offline' | 'catching_up' | 'live' | 'paused' | 'closed'
export interface SyncLane {
  lane: 'bookings' | 'dispatch' | 'live' | 'history'
  head: number
  through: number
  backlog: number
  oldest: string | null
  acked_at: string | null
  records: number
  bytes: number
  lost: number
  /** A batch that the sink does not take; the other lanes go on. */
  held_up: { first: number; fault: string; refused: boolean; failures: number; next_attempt_at: string } | null
}
export interface SyncDifference {
  lane: SyncLane['lane']
  /** UTC; `unknown` where only the other side could say it. */
  day: string
  missing: number[]
  unknown: number[]
  changed: number[]
}
export interface SyncSink {
  name: string
  kind: string
  mode: LineMode
  since: string
  paused_by: string | null
  fault: string | null
  failures: number
  next_attempt_at: string | null
  lanes: SyncLane[]
  verified: { at: string; days: number; records: number; differences: SyncDifference[] } | null
  verify_fault: string | null
}
export interface Sync {
  depot: string
  configured: boolean
  sinks: SyncSink[]
}
