import { when, words } from '../lib/format'
import type { Setting } from './types'

/** What a person who is told of an actor like `user:ana` knows him by. */
export function who(actor: string): string {
  const [kind, name] = actor.split(':')
  return kind === 'user' && name ? name : kind === 'token' && name ? `token ${name}` : actor
}

const BASE: Record<Setting['base_origin'], string> = {
  default: 'as shipped',
  file: 'from the file',
  env: 'from the environment',
  flag: 'from the command line',
}

/** Where the value in effect is from, in a few words. */
export function origin(s: Setting, zone: string | undefined, now: number): string {
  if (s.origin === 'override' && s.override) return `overridden by ${who(s.override.actor)} until ${when(s.override.until, zone, now)}`
  if (s.origin === 'head_office' && s.from_above) return `from head office since ${when(s.from_above.at, zone, now)}`
  return BASE[s.base_origin]
}

/** What is back when the override ends. */
export function below(s: Setting): string {
  const sound = s.from_above && !s.from_above.set_aside?.length
  return sound && s.from_above ? `${shown(s.from_above.value)}, from head office` : `${shown(s.base_value)}, ${BASE[s.base_origin]}`
}

/** Values that do not pass the checks, and why. */
export function aside(s: Setting): string[] {
  const said = (whose: string, why?: string[]) => (why?.length ? [`${whose} is set aside: ${why.join('; ')}`] : [])
  return [...said('Head office’s value', s.from_above?.set_aside), ...said('The override', s.override?.set_aside)]
}

/** A value to be read. */
export function shown(value: unknown): string {
  if (value === null || value === '') return 'none'
  if (value === true) return 'yes'
  if (value === false) return 'no'
  return Array.isArray(value) ? value.map(shown).join(', ') || 'none' : String(value)
}

/** What was typed, as the type of the value that is there. What cannot be one goes as it is: the depot says what is wrong. */
export function typed(text: string, like: unknown): unknown {
  const number = (word: string) => (word.trim() === '' || Number.isNaN(Number(word)) ? word.trim() : Number(word))
  if (typeof like === 'boolean') return text === 'yes' ? true : text === 'no' ? false : text
  if (typeof like === 'number') return number(text)
  if (Array.isArray(like)) return text.split(',').filter((word) => word.trim() !== '').map(number)
  return text.trim()
}

/** The settings by section, each in the order of the file. */
export function sections(items: Setting[]): { name: string; title: string; items: Setting[] }[] {
  const groups = new Map<string, Setting[]>()
  for (const item of items) {
    const name = item.key.split('.')[0] ?? ''
    groups.set(name, [...(groups.get(name) ?? []), item])
  }
  return [...groups].map(([name, items]) => ({ name, title: words(name), items }))
}
