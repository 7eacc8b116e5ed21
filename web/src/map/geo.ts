/** Web Mercator, with the world as the square 0..1 and y downwards. */
export interface View {
  /** Centre in world units. */
  x: number
  y: number
  /** Zoom: the world is `512 * 2^zoom` pixels wide, as MapLibre counts it. */
  zoom: number
}
export type LonLat = [lon: number, lat: number]
export type Bounds = [west: number, south: number, east: number, north: number]

const LIMIT = 85.051129
export const MIN_ZOOM = 1
export const MAX_ZOOM = 19

export function project(lon: number, lat: number): [x: number, y: number] {
  const phi = (Math.max(-LIMIT, Math.min(LIMIT, lat)) * Math.PI) / 180
  return [lon / 360 + 0.5, 0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI)]
}

export function unproject(x: number, y: number): LonLat {
  return [(x - 0.5) * 360, (360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90]
}

export function scale(zoom: number): number {
  return 512 * 2 ** zoom
}

export function toScreen(view: View, width: number, height: number, lon: number, lat: number): [number, number] {
  const [x, y] = project(lon, lat)
  const k = scale(view.zoom)
  return [(x - view.x) * k + width / 2, (y - view.y) * k + height / 2]
}

export function toPlace(view: View, width: number, height: number, px: number, py: number): LonLat {
  const k = scale(view.zoom)
  return unproject(view.x + (px - width / 2) / k, view.y + (py - height / 2) / k)
}

/** Zooms so that what is under the pointer stays there. */
export function zoomAt(view: View, width: number, height: number, px: number, py: number, by: number): View {
  const zoom = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, view.zoom + by))
  const before = scale(view.zoom)
  const after = scale(zoom)
  const dx = px - width / 2
  const dy = py - height / 2
  return { x: view.x + dx / before - dx / after, y: view.y + dy / before - dy / after, zoom }
}

export function boundsOf(points: Iterable<LonLat>): Bounds | null {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const [lon, lat] of points) {
    west = Math.min(west, lon)
    east = Math.max(east, lon)
    south = Math.min(south, lat)
    north = Math.max(north, lat)
  }
  return west === Infinity ? null : [west, south, east, north]
}

/** Bounds a little wider on every side. */
export function widened([west, south, east, north]: Bounds, part = 0.05): Bounds {
  const [dx, dy] = [(east - west) * part, (north - south) * part]
  return [west - dx, south - dy, east + dx, north + dy]
}

export function contains(outer: Bounds, inner: Bounds): boolean {
  return outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3]
}

/** The view that shows all of `bounds`. */
export function fit(bounds: Bounds, width: number, height: number, padding = 48, maxZoom = 15): View {
  const [x0, y0] = project(bounds[0], bounds[3])
  const [x1, y1] = project(bounds[2], bounds[1])
  const zx = Math.log2(Math.max(1, width - 2 * padding) / 512 / Math.max(1e-9, x1 - x0))
  const zy = Math.log2(Math.max(1, height - 2 * padding) / 512 / Math.max(1e-9, y1 - y0))
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, zoom: Math.max(MIN_ZOOM, Math.min(maxZoom, zx, zy)) }
}
