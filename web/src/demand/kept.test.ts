import { expect, it } from 'vitest'
import { Kept } from './kept'

it('keeps what was used last, and nothing that is old', () => {
  const kept = new Kept<string>(2, 60)
  kept.put('a', 'A', 0)
  kept.put('b', 'B', 10)
  expect(kept.get('a', 20)).toBe('A')
  kept.put('c', 'C', 30)
  expect(['a', 'b', 'c'].map((key) => kept.get(key, 40))).toEqual(['A', undefined, 'C'])
  expect(['a', 'c'].map((key) => kept.get(key, 60))).toEqual([undefined, 'C'])
  kept.clear()
  expect(kept.get('c', 60)).toBeUndefined()
})
