import type { FeatureCollection, Point } from 'geojson'
import type { GeometryCollection, Topology } from 'topojson-specification'
import landUrl from 'world-atlas/land-50m.json?url'
import { api } from '../lib/api'

/** What lies under the vehicles. */
export interface Basemap {
  streets: FeatureCollection
  towns: FeatureCollection<Point, Town>
  /** The outlines of the world's land, where no street is known. */
  land: FeatureCollection | null
  attribution: string
}
export interface Town {
  name: string
  weight: number
}

async function outlines(): Promise<FeatureCollection> {
  const [{ feature }, answer] = await Promise.all([import('topojson-client'), fetch(landUrl)])
  const world = (await answer.json()) as Topology<{ land: GeometryCollection }>
  return feature(world, world.objects.land)
}

export async function load(): Promise<Basemap> {
  const all = await api<FeatureCollection & { attribution?: string }>('/basemap')
  const streets = all.features.filter((f) => f.geometry && f.geometry.type !== 'Point')
  const towns = all.features.filter((f) => f.geometry?.type === 'Point' && f.properties?.town) as Basemap['towns']['features']
  const known = streets.length > 0
  return {
    streets: { type: 'FeatureCollection', features: streets },
    towns: { type: 'FeatureCollection', features: towns },
    land: known ? null : await outlines(),
    attribution: all.attribution ?? (known ? '© OpenStreetMap contributors' : ''),
  }
}
