import { list } from '../lib/format'
import type { MailedReport } from './types'

/** A report that goes out by mail, as a form holds it. To nobody: it is made and kept, and goes nowhere. */
export interface ReportForm {
  name: string
  period: MailedReport['period']
  mail_to: string
}

export const reportForm = (was: MailedReport | undefined): ReportForm => ({ name: was?.name ?? 'operations', period: was?.period ?? 'day', mail_to: was?.mail_to.join(', ') ?? '' })

/** What is sent of it: nothing where there is and was none, null where it ends. */
export function reportOf(form: ReportForm, was: MailedReport | undefined): { report?: MailedReport | null } {
  const mail_to = list(form.mail_to)
  if (mail_to.length > 0) return { report: { ...form, mail_to } }
  return was ? { report: null } : {}
}

/** What the depot has against the addresses: one of them is told by itself. */
export function mailFaults(errors: Record<string, string>, mail_to: string): string | undefined {
  const all = list(mail_to)
  const told = Object.entries(errors).flatMap(([field, said]) => {
    const found = /^report(?:\.mail_to(?:\[(\d+)\])?)?$/.exec(field)
    if (!found) return []
    const address = found[1] === undefined ? undefined : all[Number(found[1])]
    return [address === undefined ? said : `${address}: ${said}`]
  })
  return told.join('; ') || undefined
}

/** "operations of the last week by mail to ana@example.com" */
export const reportWords = ({ name, period, mail_to }: MailedReport) => `${name} of the last ${period} by mail to ${mail_to.join(', ')}`
