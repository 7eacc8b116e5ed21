import type { Shape } from '../lib/status'
import type { Basemap } from './basemap'
import type { Bounds, LonLat } from './geo'

/** A vehicle to be drawn. */
export interface Marker {
  id: string
  lon: number
  lat: number
  course: number | null
  shape: Shape
  colour: string
  /** Its position is old. */
  hollow: boolean
  selected: boolean
}
/** An end or a stop of a booking. */
export interface Pin {
  id: string
  lon: number
  lat: number
  kind: 'pickup' | 'stop' | 'dropoff' | 'waiting'
  /** One letter or number. */
  label: string
  selected: boolean
}
/** A part of the map with a name. */
export interface Area {
  id: string
  name: string
  /** Polygons, each of rings: its border, then its holes. */
  polygons: LonLat[][][]
  selected: boolean
  /** Its own colour, where areas differ by more than their names. */
  fill?: string
}
export interface Scene {
  vehicles: Marker[]
  pins: Pin[]
  /** Where the selected vehicle was. */
  track: LonLat[]
  /** From pickup to drop-off, by the stops. */
  way: LonLat[]
  /** From where to where somebody is to go. */
  lines: LonLat[][]
  areas: Area[]
}
export const EMPTY: Scene = { vehicles: [], pins: [], track: [], way: [], lines: [], areas: [] }

export interface Events {
  /** A click on it; `false`: not wanted now, take it as a click on the place. */
  vehicle(id: string): boolean
  booking(id: string): boolean
  /** A click on nothing. */
  place(lon: number, lat: number): void
}

export interface Colours {
  land: string
  sea: string
  major: string
  casing: string
  minor: string
  service: string
  ink: string
  paper: string
  accent: string
  label: string
}

export const LIGHT: Colours = {
  land: '#eceee9', sea: '#cfdde4', major: '#ffffff', casing: '#9fa89c', minor: '#c3cabf', service: '#d6dbd2', ink: '#1c2422', paper: '#ffffff', accent: '#0b6b53', label: '#4c5853',
}
export const DARK: Colours = {
  land: '#1b2024', sea: '#11171b', major: '#59646b', casing: '#12171a', minor: '#3a434a', service: '#2a3136', ink: '#eef2f0', paper: '#14191c', accent: '#5fd0ad', label: '#aab6b1',
}

/** A way to draw the map: WebGL, or a plain canvas where there is none. */
export interface Layer {
  readonly kind: 'webgl' | 'canvas'
  basemap(basemap: Basemap): void
  scene(scene: Scene): void
  fit(bounds: Bounds, maxZoom?: number): void
  /** Moves only when one of them is out of sight. */
  show(places: LonLat[]): void
  zoom(by: number): void
  /** Moves by these parts of the window. */
  pan(dx: number, dy: number): void
  readonly centre: LonLat
  recolour(colours: Colours): void
  destroy(): void
}

/** Moves markers smoothly from fix to fix instead of jumping. */
export class Glide {
  private at = new Map<string, { from: LonLat; to: LonLat; start: number }>()
  constructor(private readonly span: number) {}

  /** Takes new targets; `true`: something moves. */
  aim(markers: Marker[], now: number): boolean {
    const seen = new Map<string, { from: LonLat; to: LonLat; start: number }>()
    let moving = false
    for (const m of markers) {
      const known = this.at.get(m.id)
      if (!known) seen.set(m.id, { from: [m.lon, m.lat], to: [m.lon, m.lat], start: 0 })
      else if (known.to[0] === m.lon && known.to[1] === m.lat) seen.set(m.id, known)
      else seen.set(m.id, { from: this.where(m.id, now) ?? [m.lon, m.lat], to: [m.lon, m.lat], start: now })
      if (now - (seen.get(m.id)?.start ?? 0) < this.span) moving = true
    }
    this.at = seen
    return moving
  }

  where(id: string, now: number): LonLat | undefined {
    const m = this.at.get(id)
    if (!m) return undefined
    const part = this.span <= 0 ? 1 : Math.min(1, Math.max(0, (now - m.start) / this.span))
    return [m.from[0] + (m.to[0] - m.from[0]) * part, m.from[1] + (m.to[1] - m.from[1]) * part]
  }
}

/** Are all of these points of the screen well within a map of this size? */
export function inSight(points: [x: number, y: number][], width: number, height: number): boolean {
  return points.every(([x, y]) => x > 40 && y > 40 && x < width - 64 && y < height - 40)
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches
