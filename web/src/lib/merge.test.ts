import { expect, it } from 'vitest'
import { merge } from './merge'

it('keeps what each of two changed, and tells where both did', () => {
  const was = { a: 1, b: [1], c: 'x', d: 'y' }
  expect(merge(was, { ...was, a: 2, c: 'mine' }, { ...was, b: [2], c: 'theirs' })).toEqual({ form: { a: 2, b: [2], c: 'mine', d: 'y' }, both: ['c'] })
  expect(merge(was, { ...was, d: 'z' }, { ...was, d: 'z' })).toEqual({ form: { ...was, d: 'z' }, both: [] })
})
