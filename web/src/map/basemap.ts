import type { FeatureCollection, Point } from 'geojson'
import type { GeometryCollection, Topology } from 'topojson-specification'
import landUrl from 'world-atlas/land-50m.json?url'
import { api, Refused } from '../lib/api'

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

type Streets = FeatureCollection & { attribution?: string }

/** The streets that the depot has; none for whom it does not show them. */
async function known(): Promise<Streets> {
  try {
    return await api<Streets>('/basemap')
  } catch (error) {
    if (Refused.of(error).status === 403) return { type: 'FeatureCollection', features: [] }
    throw error
  }
}

export async function load(): Promise<Basemap> {
  const all = await known()
  const streets = all.features.filter((f) => f.geometry && f.geometry.type !== 'Point')
  const towns = all.features.filter((f) => f.geometry?.type === 'Point' && f.properties?.town) as Basemap['towns']['features']
  const drawn = streets.length > 0
  return {
    streets: { type: 'FeatureCollection', features: streets },
    towns: { type: 'FeatureCollection', features: towns },
    land: drawn ? null : await outlines(),
    attribution: all.attribution ?? (drawn ? '© OpenStreetMap contributors' : ''),
  }
}
