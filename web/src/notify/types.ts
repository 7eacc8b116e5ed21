export interface Webhook {
  id: string
  name: string
  url: string
  /** Empty: everything. */
  events: string[]
  state: 'on' | 'paused' | 'disabled'
  /** Why it is disabled. */
  reason?: string
  failing_since?: string
  created_at: string
  version: number
}
/** One with a secret that was just made: it is told this once. */
export interface WebhookSecret extends Webhook {
  secret: string
  old_secret_until?: string
}

export type Who = 'driver' | 'customer' | 'recipient' | 'staff' | 'addresses'
export type RuleChannel = 'mail' | 'gateway' | 'message' | 'push'
export interface Rule {
  id: string
  name: string
  enabled: boolean
  events: string[]
  who: Who
  to?: string[]
  channel: RuleChannel
  gateway?: string
  language: string
  subject: string
  text: string
  quiet?: { hours: string; then: 'wait' | 'drop' }
  limit?: { count: number; per_min: number }
  digest_min?: number
  created_at: string
  version: number
}
/** What a rule would say. */
export interface Said {
  to: string[]
  subject: string
  text: string
  /** `null`: it is not said, because of the quiet hours. */
  at: string | null
}

/** What a rule said to those at the console. */
export interface StaffMessage {
  seq: number
  /** Of its delivery. */
  id: string
  at: string
  subject: string
  text: string
  booking_id?: string
}
/** By which channels this depot can tell somebody something; messages and push are always there. */
export interface Channels {
  mail: boolean
  gateways: string[]
}

export interface Attempt {
  at: string
  status?: number
  ms: number
  error?: string
}
export type DeliveryState = 'waiting' | 'sent' | 'dead' | 'withdrawn'
export interface Delivery {
  id: string
  channel: RuleChannel | 'webhook'
  endpoint: string
  recipient?: string
  booking_id?: string
  event_seq?: number
  rule_id?: string
  subject: string
  state: DeliveryState
  attempts: number
  next_at?: string
  last_error?: string
  /** Oldest first. */
  log: Attempt[]
  created_at: string
  done_at?: string
}
