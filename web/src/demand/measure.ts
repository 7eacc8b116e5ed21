/** What the cells are coloured by. */
import type { Column, Table } from '../analytics/table'
import type { SurgeRules } from '../prices/types'
import type { Cell, Surged } from './types'

export const MEASURES = ['expected', 'requests', 'surge', 'balance'] as const
export type Measure = (typeof MEASURES)[number]

export const TITLES: Record<Measure, string> = {
  expected: 'Expected requests', requests: 'Requests', surge: 'Surge factor', balance: 'Free minus waiting',
}
/** Only the present hour has them. */
export const OF_NOW: Measure[] = ['surge', 'balance']

export const surgeOf = (cell: Cell, of: string): Surged | undefined => cell.surge?.find((s) => (s.class ?? '') === of)

/** A cell's figure; null: there is none. `of` is the class whose factor is meant; empty: trips that ask for none. */
export function valueOf(cell: Cell, measure: Measure, of: string): number | null {
  switch (measure) {
    case 'expected':
      return cell.forecast?.mean ?? null
    case 'requests':
      return cell.requests
    case 'surge':
      return surgeOf(cell, of)?.factor ?? null
    case 'balance':
      return cell.free - cell.waiting
  }
}

/** Is there something to be seen on the map? Where nothing was asked for, or nobody is, a number would only hide the streets. */
export function isSeen(cell: Cell, measure: Measure, value: number | null): value is number {
  if (value === null) return false
  return measure === 'requests' ? value > 0 : measure === 'balance' ? cell.free + cell.waiting > 0 : true
}

/** A figure to be read: "3.4", "14", "×1.3", "+2", "−3". */
export function figure(value: number | null, measure: Measure): string {
  if (value === null) return '–'
  if (measure === 'surge') return `×${Number(value.toFixed(3))}`
  if (measure === 'balance') return value > 0 ? `+${value}` : value < 0 ? `−${-value}` : '0'
  return measure === 'expected' && value < 9.95 ? value.toFixed(1) : String(Math.round(value))
}

/** The next of 1, 2, 5, 10, 20, 50…. */
export function round(most: number): number {
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, most)))
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= most) ?? 10 * ten
}

export type Scale = [low: number, high: number]

/** From where to where the colours go. `peak` is the largest figure so far, whatever its sign: the scale holds for all hours. */
export function scaleOf(measure: Measure, peak: number, rules?: SurgeRules): Scale {
  if (measure === 'balance') return [-round(peak), round(peak)]
  if (measure !== 'surge') return [0, round(peak)]
  return rules?.on ? [rules.floor_per_mille / 1000, rules.cap_per_mille / 1000] : [1, 2]
}

/** How far along a scale a figure is, from 0 to 1. */
export function partOf(value: number, [low, high]: Scale): number {
  return high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5
}

/** All figures of all cells: what the map cannot tell those who do not see it. */
export function tableOf(items: Cell[], of: string, hasInterval: boolean, isNow: boolean): Table {
  const own = hasInterval && items.some((c) => c.forecast)
  const figures = (['requests', ...(isNow ? OF_NOW : [])] as Measure[]).filter((m) => m !== 'surge' || items.some((c) => surgeOf(c, of)))
  const whole = (key: string, title: string): Column => ({ key, title, end: true })
  const measured = (m: Measure): Column => ({ key: m, title: TITLES[m], end: true, show: (n) => figure(n as number | null, m) })
  return {
    title: 'Demand by cell',
    columns: [
      { key: 'cell', title: 'Cell' },
      measured('expected'),
      ...(own ? [whole('p10', 'Low'), whole('p90', 'High')] : []),
      ...figures.map(measured),
      ...(isNow ? [whole('waiting', 'Waiting'), whole('free', 'Free')] : []),
    ],
    rows: items.map((c) => [
      c.cell,
      valueOf(c, 'expected', of),
      ...(own ? [c.forecast?.p10 ?? null, c.forecast?.p90 ?? null] : []),
      ...figures.map((m) => valueOf(c, m, of)),
      ...(isNow ? [c.waiting, c.free] : []),
    ]),
  }
}
