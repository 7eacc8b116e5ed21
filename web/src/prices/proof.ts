/** Whether drivers are asked for something. */
export type Need = 'off' | 'optional' | 'required'
export type ProofPart = 'signature' | 'photo' | 'barcode' | 'note' | 'pin'
export type ProofRules = Partial<Record<ProofPart, Need>>

/** The parts of a proof, with what people call them, and what goes without saying. */
export const PARTS: { part: ProofPart; name: string; usual: Need }[] = [
  { part: 'signature', name: 'Signature', usual: 'optional' },
  { part: 'photo', name: 'Photo', usual: 'optional' },
  { part: 'barcode', name: 'Bar code', usual: 'optional' },
  { part: 'note', name: 'Note', usual: 'optional' },
  { part: 'pin', name: 'PIN of the recipient', usual: 'off' },
]

export const proofForm = (rules: ProofRules | undefined): Record<ProofPart, Need> =>
  Object.fromEntries(PARTS.map(({ part, usual }) => [part, rules?.[part] ?? usual])) as Record<ProofPart, Need>

/** The rules of a form; undefined where they are the usual ones. */
export function proofOf(form: Record<ProofPart, Need>): ProofRules | undefined {
  return PARTS.every(({ part, usual }) => form[part] === usual) ? undefined : form
}

export function proofWords(rules: ProofRules | undefined): string {
  const form = proofForm(rules)
  const named = (need: Need) => PARTS.filter(({ part }) => form[part] === need).map(({ name }) => name)
  const [required, optional] = [named('required'), named('optional')]
  return [required.length > 0 && `required: ${required.join(', ')}`, optional.length > 0 && `may be given: ${optional.join(', ')}`].filter(Boolean).join('; ') || 'none'
}
