import { expect, it } from 'vitest'
import { mailFaults, reportForm, reportOf, reportWords } from './report'
import type { MailedReport } from './types'

const weekly: MailedReport = { name: 'drivers', period: 'week', mail_to: ['ana@example.com', 'bo@example.com'] }

it('goes into a form and back as it was', () => {
  expect(reportOf(reportForm(weekly), weekly)).toEqual({ report: weekly })
  expect(reportForm(undefined)).toEqual({ name: 'operations', period: 'day', mail_to: '' })
})

it('ends when it is to go to nobody, and is not spoken of when it never went', () => {
  expect(reportOf({ ...reportForm(weekly), mail_to: ' , ' }, weekly)).toEqual({ report: null })
  expect(reportOf(reportForm(undefined), undefined)).toEqual({})
  expect(reportOf({ ...reportForm(undefined), mail_to: 'a@b, ' }, undefined)).toEqual({ report: { name: 'operations', period: 'day', mail_to: ['a@b'] } })
})

it('tells which address is wrong', () => {
  const errors = { 'report.mail_to[1]': 'must have an @', 'report.period': 'must be day', name: 'is missing' }
  expect(mailFaults(errors, 'a@b, nobody')).toBe('nobody: must have an @')
  expect(mailFaults({ 'report.mail_to': 'must name 1 to 20 mail addresses' }, '')).toBe('must name 1 to 20 mail addresses')
  expect(mailFaults({ report: 'goes with the kind report alone' }, '')).toBe('goes with the kind report alone')
  expect(mailFaults({ name: 'is missing' }, '')).toBeUndefined()
})

it('is told in words', () => expect(reportWords(weekly)).toBe('drivers of the last week by mail to ana@example.com, bo@example.com'))
