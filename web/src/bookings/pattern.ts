import { filled } from '../lib/api'
import { blankRule, ruleForm, ruleOf, type RuleForm } from '../lib/rule'
import type { Recurrence } from './types'

/** When a booking recurs, as a form holds it. */
export interface PatternForm {
  rule: RuleForm
  start_date: string
  start_time: string
  zone: string
  window_minutes: number | null
  missing_hour: string
  repeated_hour: string
}

export const blankPattern = (today: string, zone: string): PatternForm => ({
  rule: blankRule(), start_date: today, start_time: '', zone, window_minutes: null, missing_hour: '', repeated_hour: '',
})

export const patternForm = (r: Recurrence): PatternForm => ({
  rule: ruleForm(r.rule),
  start_date: r.start_date,
  start_time: r.start_time,
  zone: r.zone,
  window_minutes: r.window_minutes ?? null,
  missing_hour: r.missing_hour ?? '',
  repeated_hour: r.repeated_hour ?? '',
})

/** As the API takes it; what was left empty is not there. */
export const patternOf = ({ rule, ...rest }: PatternForm): Record<string, unknown> => filled({ rule: ruleOf(rule), ...rest })

/** The same as a merge patch: what was left empty is `null`. */
export const patternPatch = ({ rule, ...rest }: PatternForm): Record<string, unknown> => ({
  rule: ruleOf(rule),
  ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value === '' ? null : value])),
})
