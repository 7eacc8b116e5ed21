import { count, when } from '../lib/format'
import type { Look } from '../lib/status'
import type { Page } from '../lib/types'
import type { Attempt, Delivery, DeliveryState, Webhook } from './types'

export const DELIVERY: Record<DeliveryState, Look> = {
  waiting: { word: 'waiting', shape: 'ring', colour: '#0072b2' },
  sent: { word: 'sent', shape: 'check', colour: '#009e73' },
  dead: { word: 'dead letter', shape: 'diamond', colour: '#d55e00' },
  withdrawn: { word: 'withdrawn', shape: 'cross', colour: '#667085' },
}
const HOOK: Record<Webhook['state'] | 'failing', Look> = {
  on: { word: 'on', shape: 'circle', colour: '#009e73' },
  failing: { word: 'failing', shape: 'diamond', colour: '#d55e00' },
  paused: { word: 'paused', shape: 'square', colour: '#e69f00' },
  disabled: { word: 'disabled', shape: 'cross', colour: '#d55e00' },
}
export const hookLook = (hook: Pick<Webhook, 'state' | 'failing_since'>) => HOOK[hook.state === 'on' && hook.failing_since ? 'failing' : hook.state]

/** What a webhook hears of. */
export const hears = (events: string[]) => (events.length === 0 ? 'everything' : events.join(', '))

/** What an attempt came to: `200 in 12 ms`, or what was wrong with it. The status of what was not asked by HTTP or SMTP is none. */
export function attemptWords({ status, ms, error }: Attempt): string {
  const answer = status ? `${status} in ${ms} ms` : `${ms} ms`
  if (!error) return status ? answer : `taken in ${ms} ms`
  return status ? `${answer}: ${error}` : `${error} (${answer})`
}

/** Through what something is said, and to whom. */
export function toWords({ channel, endpoint, recipient }: Pick<Delivery, 'channel' | 'endpoint' | 'recipient'>, hooks: Pick<Webhook, 'id' | 'name'>[]): string {
  const behind = endpoint.slice(endpoint.indexOf(':') + 1)
  if (channel === 'webhook') return `webhook ${hooks.find((h) => h.id === behind)?.name ?? behind}`
  if (channel === 'mail') return recipient ?? 'mail'
  if (channel === 'push') return `a browser, by ${behind}`
  if (channel === 'gateway') return [recipient, `by ${behind}`].filter(Boolean).join(' ')
  return recipient ? `driver of ${recipient}` : 'staff at the console'
}

/** What came of it, beside its state; `held`: its webhook is not on. */
export function outcome(d: Delivery, zone: string | undefined, now: number, held = false): string {
  if (d.state === 'sent') return d.done_at ? when(d.done_at, zone, now) : ''
  const tried = d.attempts > 0 ? `after ${count(d.attempts, 'attempt')}` : ''
  if (d.state === 'dead' || d.state === 'withdrawn') return [d.last_error, tried].filter(Boolean).join(', ')
  const next = held ? 'waits until the webhook is resumed' : d.next_at && Date.parse(d.next_at) > now ? `next at ${when(d.next_at, zone, now)}` : 'is due'
  return [d.last_error, next, tried].filter(Boolean).join(', ')
}

/** A list that was read page after page, with its first page read anew: what is on that page and not there any more is gone. */
export function renewed<T extends { id: string }>(known: { items: T[]; next: string | null }, page: Page<T>): { items: T[]; next: string | null } {
  const last = page.items.at(-1)
  const at = last ? known.items.findIndex((d) => d.id === last.id) : -1
  if (page.next === null || at < 0 || at === known.items.length - 1) return { items: page.items, next: page.next }
  return { items: [...page.items, ...known.items.slice(at + 1)], next: known.next }
}
