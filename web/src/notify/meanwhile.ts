import { api, Refused } from '../lib/api'
import { words } from '../lib/format'
import { merge } from '../lib/merge'

/** Somebody else was faster with a change: gives what is there now, and a form that takes over what they changed and keeps what was
 * typed here. What was refused for another reason is thrown on. */
export async function overtaken<T, F extends object>(error: unknown, path: string, formOf: (document: T) => F, was: T, mine: F): Promise<{ now: T; form: F; refusal: Refused }> {
  if (!(error instanceof Refused) || error.status !== 412) throw error
  const now = await api<T>(path)
  const { form, both } = merge(formOf(was), mine, formOf(now))
  const which = both.length > 0 ? ` You both changed ${both.map((name) => words(String(name))).join(', ')}.` : ''
  return { now, form, refusal: new Refused(412, `Changed meanwhile by somebody else.${which} What you typed is kept: look, then save again.`) }
}
