import { describe, expect, it } from 'vitest'
import { aside, below, origin, sections, shown, typed } from './setting'
import type { Setting } from './types'

const NOW = Date.parse('2026-05-30T12:00:00Z')
const plain: Setting = { key: 'tariff.base_minor', about: '', live: true, value: 500, origin: 'default', base_value: 500, base_origin: 'default' }
const above = { value: 600, cmd_id: 'c-1', at: '2026-05-30T08:30:00Z' }
const override = { value: 700, until: '2026-05-30T18:00:00Z', actor: 'user:ana', reason: 'fuel', at: '2026-05-30T10:00:00Z' }

describe('where a setting is from', () => {
  it('is told in a few words', () => {
    expect(origin(plain, 'UTC', NOW)).toBe('as shipped')
    expect(origin({ ...plain, base_origin: 'env' }, 'UTC', NOW)).toBe('from the environment')
    expect(origin({ ...plain, origin: 'head_office', from_above: above }, 'UTC', NOW)).toBe('from head office since 08:30')
    const over: Setting = { ...plain, origin: 'override', from_above: above, override }
    expect(origin(over, 'UTC', NOW)).toBe('overridden by ana until 18:00')
    expect(below(over)).toBe('600, from head office')
    expect(below({ ...over, from_above: undefined, base_origin: 'file' })).toBe('500, from the file')
  })
  it('says what is set aside, and does not promise it', () => {
    const s: Setting = { ...plain, from_above: { ...above, set_aside: ['must be more'] } }
    expect(aside(s)).toEqual(['Head office’s value is set aside: must be more'])
    expect(below(s)).toBe('500, as shipped')
    expect(aside(plain)).toEqual([])
  })
})

describe('a value', () => {
  it('is read and typed as what it is', () => {
    for (const value of [true, false, 12, 0.5, 'best', [86400, 3600], []]) expect(typed(shown(value) === 'none' ? '' : shown(value), value)).toEqual(value)
    expect(typed('1,5', 2)).toBe('1,5')
    expect(typed('', 2)).toBe('')
    expect(shown(null)).toBe('none')
  })
  it('stands in its section, in the order in which it came', () => {
    const keys = ['tariff.a', 'dispatch.b', 'tariff.c']
    const found = sections(keys.map((key) => ({ ...plain, key })))
    expect(found.map((s) => [s.title, s.items.map((i) => i.key)])).toEqual([['tariff', ['tariff.a', 'tariff.c']], ['dispatch', ['dispatch.b']]])
  })
})
