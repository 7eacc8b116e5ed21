/** What was made of one thing by two people. */
export interface Merged<T> {
  form: T
  /** What both changed, and not to the same. */
  both: (keyof T)[]
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** Takes theirs where mine is as it was: nothing that I typed is lost, and nothing of theirs that I did not touch. */
export function merge<T extends object>(was: T, mine: T, theirs: T): Merged<T> {
  const form = { ...mine }
  const both: (keyof T)[] = []
  for (const name of Object.keys(was) as (keyof T)[]) {
    if (same(mine[name], was[name])) form[name] = theirs[name]
    else if (!same(theirs[name], was[name]) && !same(theirs[name], mine[name])) both.push(name)
  }
  return { form, both }
}
