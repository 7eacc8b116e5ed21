/** Demand in sentences. */
import { count } from '../lib/format'
import { dayFrom, localTime } from '../lib/zoned'
import type { SurgeRules, Tariff } from '../prices/types'
import { dayWords } from './hours'
import type { Expected, Shortage } from './types'

/** "4 of 5 times between 3 and 9" */
export function intervalWords({ p10, p90 }: Expected): string {
  return p10 === p90 ? `4 of 5 times ${p10 === 0 ? 'none' : p10}` : `4 of 5 times between ${p10} and ${p90}`
}

/** The bounds of a class's factor; empty: of trips that ask for none. */
export function rulesOf(tariff: Tariff | undefined, of: string): SurgeRules | undefined {
  return (of ? tariff?.classes?.[of]?.surge : undefined) ?? tariff?.surge
}

/** Does any price follow demand? */
export function hasSurge(tariff: Tariff | undefined): boolean {
  return [tariff?.surge, ...Object.values(tariff?.classes ?? {}).map((c) => c.surge)].some((rules) => rules?.on)
}

/** "Tomorrow 17–19 h: up to 14 drivers short" */
export function shortageWords({ from, to, short }: Shortage, now: number, zone?: string): string {
  const [begin, end] = [localTime(from, zone), localTime(to, zone)]
  const today = localTime(new Date(now).toISOString(), zone).slice(0, 10)
  const dayOf = (local: string) => {
    const day = local.slice(0, 10)
    return day === today ? 'today' : day === dayFrom(today, 1) ? 'tomorrow' : dayWords(local)
  }
  const clock = (local: string) => (local.slice(14) === '00' ? String(Number(local.slice(11, 13))) : local.slice(11, 16))
  // Midnight belongs to the day that it ends.
  const ends = end.slice(11) === '00:00' && end.slice(0, 10) === dayFrom(begin.slice(0, 10), 1) ? `${begin.slice(0, 10)}T24:00` : end
  const time = ends.slice(0, 10) === begin.slice(0, 10) ? `${clock(begin)}–${clock(ends)} h` : `${clock(begin)} h to ${dayOf(end)} ${clock(end)} h`
  const day = dayOf(begin)
  const many = Date.parse(to) - Date.parse(from) > 3_600_000 && short > 1 ? 'up to ' : ''
  return `${day.charAt(0).toUpperCase()}${day.slice(1)} ${time}: ${many}${count(short, 'driver')} short`
}
