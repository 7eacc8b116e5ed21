/** Where idle vehicles had better wait, drawn and listed. */
import type { Table } from '../analytics/table'
import { when } from '../lib/format'
import { VEHICLE, type Look } from '../lib/status'
import type { Place } from '../lib/types'
import type { Marker, Scene } from '../map/scene'
import type { Advice } from './types'

/** In which direction, in degrees from north. Ways are so short that the earth is flat. */
export function courseOf(from: Place, to: Place): number {
  const east = (to.lon - from.lon) * Math.cos((from.lat * Math.PI) / 180)
  return ((Math.atan2(east, to.lat - from.lat) * 180) / Math.PI + 360) % 360
}

/** An arrow for each, from the vehicle to where it had better wait. */
export function arrowsOf(advices: Advice[]): Pick<Scene, 'vehicles' | 'lines'> {
  const marker = (id: string, { lon, lat }: Place, { shape, colour }: Look, course: number | null): Marker => ({ id, lon, lat, course, shape, colour, hollow: false, selected: false })
  return {
    vehicles: advices.flatMap((a) => [marker(a.vehicle_id, a.from, VEHICLE.free, null), marker(`to ${a.vehicle_id}`, a.to, VEHICLE.en_route, courseOf(a.from, a.to))]),
    lines: advices.map(({ from, to }) => [[from.lon, from.lat], [to.lon, to.lat]]),
  }
}

export function adviceTable(advices: Advice[], now: number, zone?: string): Table {
  const time = (iso: unknown) => when(String(iso), zone, now)
  return {
    title: 'Where idle vehicles had better wait',
    columns: [
      { key: 'vehicle_id', title: 'Vehicle' },
      { key: 'cell', title: 'Cell' },
      { key: 'expected', title: 'Expected', end: true, show: (n) => Number(n).toFixed(1) },
      { key: 'reason', title: 'Why' },
      { key: 'made_at', title: 'Since', show: time },
      { key: 'until', title: 'Until', show: time },
    ],
    rows: advices.map((a) => [a.vehicle_id, a.cell, a.expected, a.reason, a.made_at, a.until]),
  }
}
