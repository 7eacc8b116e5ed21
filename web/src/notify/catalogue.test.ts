import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EVENTS, fits, groups, meant, PLACEHOLDERS, toggled } from './catalogue'

const source = (file: string) => readFileSync(join(import.meta.dirname, '../../../src', file), 'utf8')
const straight = (words: Record<string, string>) => Object.fromEntries(Object.entries(words).map(([name, text]) => [name, text.replaceAll('’', "'")]))

describe('the catalogue', () => {
  it('is the depot’s', () => {
    const names = new Map([...source('model/event.rs').matchAll(/Self::(\w+) => "([\w.]+)"/g)].map(([, kind, name]) => [kind, name]))
    const told = [...source('notify/catalogue.rs').matchAll(/\(Kind::(\w+), "([^"]+)"\)/g)].map(([, kind, about]) => [names.get(kind), about])
    expect(told.length).toBeGreaterThan(20)
    expect(Object.entries(straight(EVENTS))).toEqual(told)
    expect(Object.entries(straight(PLACEHOLDERS))).toEqual([...source('notify/template.rs').matchAll(/^ {4}\("([\w.]+)", "([^"]+)"\),$/gm)].map(([, name, about]) => [name, about]))
  })
  it('has each event in one group', () => {
    const grouped = groups.flatMap((g) => g.nouns.flatMap((n) => n.events.map(([event]) => event)))
    expect(grouped.sort()).toEqual(Object.keys(EVENTS).sort())
  })
})

describe('patterns', () => {
  it('mean events', () => {
    expect(meant(['duty.*', 'booking.late'])).toEqual(['booking.late', 'duty.started', 'duty.ended'])
    expect([fits('booking.*', 'bookings.placed'), fits('booking', 'booking.placed'), meant([])]).toEqual([false, false, []])
  })
  it('are ticked one by one, or all of a noun', () => {
    expect(toggled(['booking.late', 'duty.ended'], 'booking.*')).toEqual(['duty.ended', 'booking.*'])
    expect(toggled(['booking.*'], 'booking.*')).toEqual([])
    expect(toggled(['duty.ended'], 'duty.started')).toEqual(['duty.ended', 'duty.started'])
  })
})
