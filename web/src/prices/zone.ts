import type { Position } from 'geojson'
import { boundsOf, type Bounds, type LonLat } from '../map/geo'
import type { ZoneArea } from './types'

/** The area of a GeoJSON text: a polygon, several, or a feature of one. Text: why it is none. How it lies, the depot looks at. */
export function areaOf(text: string): ZoneArea | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return `This is no JSON: ${(error as Error).message}`
  }
  return found(json)
}

function found(json: unknown): ZoneArea | string {
  const it = json as { type?: unknown; geometry?: unknown; features?: unknown; coordinates?: unknown } | null
  if (it?.type === 'Feature') return found(it.geometry)
  if (it?.type === 'FeatureCollection' && Array.isArray(it.features)) {
    return it.features.length === 1 ? found(it.features[0]) : `A collection of one feature is wanted, this one has ${it.features.length}.`
  }
  if (it?.type !== 'Polygon' && it?.type !== 'MultiPolygon') return 'A GeoJSON Polygon or MultiPolygon is wanted, or a Feature of one.'
  const sound = depth(it.coordinates) === (it.type === 'Polygon' ? 3 : 4)
  return sound ? ({ type: it.type, coordinates: it.coordinates } as ZoneArea) : `The coordinates of a ${it.type} are wanted: lists of [longitude, latitude].`
}

/** How deep positions lie in lists; NaN: not everywhere alike, or there are none. */
function depth(value: unknown): number {
  if (typeof value === 'number') return 0
  if (!Array.isArray(value) || value.length === 0) return Number.NaN
  const [first, ...others] = value.map(depth)
  return first !== undefined && others.every((d) => d === first) ? first + 1 : Number.NaN
}

/** Polygons, each of rings. */
export function polygonsOf(area: ZoneArea): LonLat[][][] {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates
  return polygons.map((rings) => rings.map((ring) => ring.map(([lon = 0, lat = 0]: Position): LonLat => [lon, lat])))
}

export function boundsOfArea(area: ZoneArea): Bounds | null {
  return boundsOf(polygonsOf(area).flat(2))
}

/** The opposite corners of bounds: whoever sees both sees all of it. */
export function corners(bounds: Bounds | null): LonLat[] {
  return bounds ? [[bounds[0], bounds[1]], [bounds[2], bounds[3]]] : []
}

/** The area whose border goes through these points. */
export function drawn(points: LonLat[]): ZoneArea {
  const rounded = points.map(([lon, lat]): LonLat => [Math.round(lon * 1e6) / 1e6, Math.round(lat * 1e6) / 1e6])
  const first = rounded[0]
  return { type: 'Polygon', coordinates: [first ? [...rounded, first] : []] }
}

/** Is the place in the area? By the even-odd rule: a hole is outside. */
export function holds(area: ZoneArea, [lon, lat]: LonLat): boolean {
  let inside = false
  for (const ring of polygonsOf(area).flat()) {
    ring.forEach(([x1, y1], i) => {
      const [x2, y2] = ring[(i + 1) % ring.length] ?? [x1, y1]
      if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside
    })
  }
  return inside
}

/** A GeoJSON text that people can read: a point on each line. */
export function areaText(area: ZoneArea): string {
  return JSON.stringify(area, null, 1).replace(/\[\s+(-?[\d.e-]+),\s+(-?[\d.e-]+)\s+\]/g, '[$1, $2]')
}
