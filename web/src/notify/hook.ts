import { filled } from '../lib/api'
import type { Webhook } from './types'

/** A webhook as a form holds it. */
export interface HookForm {
  name: string
  url: string
  /** It hears of everything, whatever is chosen. */
  every: boolean
  events: string[]
}

export const hookForm = (hook?: Webhook): HookForm => ({ name: hook?.name ?? '', url: hook?.url ?? '', every: hook === undefined || hook.events.length === 0, events: hook?.events ?? [] })

export const hookOf = (form: HookForm) => ({ ...filled({ name: form.name.trim(), url: form.url.trim() }), events: form.every ? [] : form.events })
