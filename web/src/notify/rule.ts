import { list } from '../lib/format'
import type { Rule, RuleChannel, Who } from './types'

/** A rule as a form holds it. */
export interface RuleForm {
  name: string
  events: string[]
  who: Who
  channel: RuleChannel
  gateway: string
  /** Addresses, with commas or lines between them. */
  to: string
  language: string
  subject: string
  text: string
  quiet: boolean
  quiet_from: string
  quiet_until: string
  quiet_then: 'wait' | 'drop'
  limited: boolean
  count: number | null
  per_min: number | null
  digest: boolean
  digest_min: number | null
}
/** What the depot takes for a rule; `null` takes away what need not be there. */
export type RuleBody = Record<'to' | 'gateway' | 'subject' | 'quiet' | 'limit' | 'digest_min', unknown> & Pick<Rule, 'name' | 'events' | 'who' | 'channel' | 'language' | 'text'>

/** Who can be told by which channel: those at the console have it before them, and only a cab has a line of its own. */
export const WHO: Record<RuleChannel, Who[]> = {
  mail: ['customer', 'recipient', 'driver', 'addresses'],
  gateway: ['customer', 'recipient', 'driver', 'addresses'],
  message: ['staff', 'driver'],
  push: ['driver', 'staff'],
}
export const CHANNEL_NAMES: Record<RuleChannel, string> = { mail: 'mail', gateway: 'SMS or chat, through a gateway', message: 'message, at the console or in the cab', push: 'push, to browsers that asked for it' }
export const WHO_NAMES: Record<Who, string> = {
  customer: 'the customer (contact at the pickup, or else at the drop-off)',
  recipient: 'the recipient (contact at the drop-off)',
  driver: 'the driver on duty with the vehicle',
  staff: 'staff at the console',
  addresses: 'fixed addresses',
}

export function ruleForm(rule?: Partial<Rule>): RuleForm {
  const [from, until] = rule?.quiet?.hours.split('-').map((time) => time.trim().padStart(5, '0').replace('24:00', '00:00')) ?? []
  return {
    name: rule?.name ?? '',
    events: rule?.events ?? [],
    who: rule?.who ?? 'customer',
    channel: rule?.channel ?? 'mail',
    gateway: rule?.gateway ?? '',
    to: rule?.to?.join('\n') ?? '',
    language: rule?.language ?? 'en',
    subject: rule?.subject ?? '',
    text: rule?.text ?? '',
    quiet: rule?.quiet !== undefined,
    quiet_from: from ?? '22:00',
    quiet_until: until ?? '07:00',
    quiet_then: rule?.quiet?.then ?? 'wait',
    limited: rule?.limit !== undefined,
    count: rule?.limit?.count ?? 3,
    per_min: rule?.limit?.per_min ?? 60,
    digest: rule?.digest_min !== undefined,
    digest_min: rule?.digest_min ?? 60,
  }
}

export function ruleOf(form: RuleForm): RuleBody {
  return {
    name: form.name.trim(),
    events: form.events,
    who: form.who,
    to: form.who === 'addresses' ? addresses(form.to) : null,
    channel: form.channel,
    gateway: form.channel === 'gateway' ? form.gateway.trim() || null : null,
    language: form.language,
    subject: form.subject.trim() || null,
    text: form.text,
    quiet: form.quiet ? { hours: `${form.quiet_from}-${form.quiet_until}`, then: form.quiet_then } : null,
    limit: form.limited ? { count: form.count, per_min: form.per_min } : null,
    digest_min: form.channel === 'mail' && form.digest ? form.digest_min : null,
  }
}

const addresses = (text: string) => list(text.replaceAll('\n', ','))

/** The form with another channel: whoever cannot be told by it makes room for the first who can. */
export function through(form: RuleForm, channel: RuleChannel): RuleForm {
  const who = WHO[channel].includes(form.who) ? form.who : (WHO[channel][0] ?? form.who)
  return { ...form, channel, who }
}

/** What has to be there before the depot can say what the rule would say; empty when all is. */
export function lacks(form: RuleForm): string {
  if (form.events.length === 0) return 'Choose what has to happen.'
  if (form.text.trim() === '') return 'Write what is said.'
  if (form.channel === 'mail' && form.subject.trim() === '') return 'Write what it is about: mail has a subject.'
  if (form.who === 'addresses' && addresses(form.to).length === 0) return 'Name at least one address.'
  return ''
}

/** How it is said. */
export const how = ({ who, channel, gateway }: Pick<Rule, 'who' | 'channel' | 'gateway'>): string =>
  ({ mail: 'by mail', gateway: `through the gateway ${gateway ?? ''}`.trim(), message: who === 'staff' ? 'at the console' : 'in the cab', push: 'by push' })[channel]

/** What the rule does, in a few words: `booking.assigned → the customer, by mail`. */
export function ruleWords(rule: Pick<Rule, 'events' | 'who' | 'to' | 'channel' | 'gateway'>): string {
  const { who, to = [] } = rule
  const whom = { customer: 'the customer', recipient: 'the recipient', driver: 'the driver', staff: 'staff', addresses: to.join(', ') || 'addresses' }[who]
  return `${rule.events.join(', ')} → ${whom}, ${how(rule)}`
}

/** What it keeps to, if anything: quiet hours, a limit, a digest. */
export function keepsTo({ quiet, limit, digest_min }: Pick<Rule, 'quiet' | 'limit' | 'digest_min'>): string[] {
  return [
    quiet && `quiet ${quiet.hours.replace('-', ' – ')}: ${quiet.then === 'wait' ? 'it waits until they are over' : 'it is not said'}`,
    limit && `at most ${limit.count} in ${limit.per_min} min to one recipient`,
    digest_min !== undefined && `collected for ${digest_min} min into one letter`,
  ].filter((part): part is string => Boolean(part))
}

/** Puts text where the cursor is, or over what is selected; gives where the cursor is then. */
export function inserted(text: string, from: number, until: number, what: string): { text: string; at: number } {
  return { text: text.slice(0, from) + what + text.slice(until), at: from + what.length }
}
