import { expect, it } from 'vitest'
import { blankRule, ruleForm, ruleOf, ruleWords } from './rule'

it('makes rules, and forms of them again', () => {
  for (const [form, rule] of [
    [{ days: ['FR', 'TU'] }, 'FREQ=WEEKLY;BYDAY=TU,FR'],
    [{ every: 'DAILY', interval: 3, until: '2026-12-31' }, 'FREQ=DAILY;INTERVAL=3;UNTIL=20261231'],
    [{ every: 'MONTHLY', day: -1 }, 'FREQ=MONTHLY;BYMONTHDAY=-1'],
    [{ every: 'other', other: 'FREQ=MONTHLY;BYDAY=2TU' }, 'FREQ=MONTHLY;BYDAY=2TU'],
  ] as const) {
    expect(ruleOf({ ...blankRule(), ...form, days: [...('days' in form ? form.days : [])] })).toBe(rule)
    expect(ruleOf(ruleForm(rule))).toBe(rule)
  }
  expect(ruleForm('FREQ=WEEKLY;BYDAY=TU')).toEqual({ ...blankRule(), days: ['TU'] })
  expect(ruleForm('FREQ=WEEKLY;COUNT=3').every).toBe('other')
})

it('says them in words, and what it does not know as it is', () => {
  expect(ruleWords('FREQ=DAILY')).toBe('every day')
  expect(ruleWords('RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;UNTIL=20261231')).toBe('every 2 weeks on Tue, Fri until 2026-12-31')
  expect(ruleWords('FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=4')).toBe('every month on the second Tue, the last Fri 4 times')
  expect(ruleWords('FREQ=MONTHLY;BYMONTHDAY=1,-1')).toBe('every month on the 1., the last day')
  for (const rule of ['FREQ=DAILY;BYHOUR=9', 'nonsense', 'FREQ=MONTHLY;BYDAY=XX']) expect(ruleWords(rule)).toBe(rule)
})
