/** The drivers that the days to come need, drawn and listed. */
import { labelsOf, type Label, type Plot } from '../analytics/plots'
import { localTime } from '../lib/zoned'
import { dayWords } from './hours'
import type { StaffingHour } from './types'

/** Needed and planned drivers, hour by hour. */
export function plotOf(hours: StaffingHour[]): Plot {
  return {
    key: 'staffing',
    title: 'Drivers',
    series: [
      { key: 'planned', title: 'Planned', look: 'full', values: hours.map((h) => h.planned) },
      { key: 'needed', title: 'Needed', look: 'hollow', values: hours.map((h) => h.needed) },
    ],
    show: (n) => n.toLocaleString('en-GB'),
    marks: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  }
}

/** Below the axis each with its day: "Mon 17 h". */
export function labelled(hours: StaffingHour[], zone?: string): Label[] {
  return labelsOf(hours, 'hour', zone).map(({ full }, i) => {
    const local = localTime(hours[i]?.from, zone)
    return { brief: `${dayWords(local).slice(0, 3)} ${Number(local.slice(11, 13))} h`, full }
  })
}

/** Is nobody planned in all these hours? */
export const isUnplanned = (hours: StaffingHour[]) => hours.every((h) => h.planned === 0)
