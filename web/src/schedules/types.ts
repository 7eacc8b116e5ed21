export interface Slot {
  at: string
  local: string
  offset_changes: boolean
}
export interface ScheduleRun {
  id: number
  slot: string
  attempt: number
  trigger: 'cron' | 'missed' | 'retry' | 'manual'
  result: 'running' | 'ok' | 'failed' | 'missed'
  started_at: string
  finished_at?: string
  duration_s?: number
  message?: string
}
export const SCHEDULE_KINDS = ['release', 'dispatch', 'plan_tomorrow', 'reminders', 'report', 'backup', 'retention', 'sync', 'forecast'] as const
export const REPORT_PERIODS = ['day', 'week', 'month'] as const
/** A report of the last whole period, which goes out by mail. */
export interface MailedReport {
  name: string
  period: (typeof REPORT_PERIODS)[number]
  mail_to: string[]
}
export interface Schedule {
  id: string
  name: string
  kind: string
  cron: string
  words: string
  zone: string
  enabled: boolean
  missed: 'skip' | 'run_once'
  attempts: number
  backoff_s: number
  report?: MailedReport
  next: Slot[]
  last_run?: ScheduleRun
  version: number
}
export interface DaySummary {
  day: string
  made_at: string
}
export interface DayPlan {
  day: string
  zone: string
  made_at: string
  basis: 'shifts' | 'fleet'
  vehicles: number
  served: { booking_id: string; ref: string; vehicle_id: string; pickup_at: string; late_s: number }[]
  unserved: { booking_id: string; ref: string; pickup_at: string; lack: 'none_fits' | 'none_free' }[]
}
export interface Report {
  day: string
  zone: string
  made_at: string
  bookings: number
  delivered: number
  cancelled: number
  failed: number
  expired: number
  open: number
  assign_mean_s: number | null
  wait_mean_s: number | null
  wait_p95_s: number | null
  on_time_ratio: number | null
  loaded_m: number
  vehicles: number
  revenue_minor: Record<string, number>
}
