import type { Feature, FeatureCollection, MultiPolygon, Point } from 'geojson'
import { GeoJSONSource, Map as GlMap, setWorkerUrl, type ExpressionSpecification, type StyleSpecification } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import 'maplibre-gl/dist/maplibre-gl.css'
import { middleOf, opacity } from './areas'
import type { Basemap } from './basemap'
import { boundsOf, MAX_ZOOM, type Bounds, type LonLat } from './geo'
import { drawMarker, drawPin } from './marks'
import { EMPTY, Glide, inSight, reducedMotion, type Area, type Colours, type Events, type Layer, type Marker, type Pin, type Scene } from './scene'

setWorkerUrl(workerUrl)

const NONE: FeatureCollection = { type: 'FeatureCollection', features: [] }
/** The zoom buttons are on the right. */
const PADDING = { top: 48, right: 76, bottom: 40, left: 48 }
const width = (at12: number, at17: number): ExpressionSpecification => ['interpolate', ['exponential', 1.5], ['zoom'], 12, at12, 17, at17]

function style(c: Colours, sea: boolean): StyleSpecification {
  const kind = (name: string): ExpressionSpecification => ['==', ['coalesce', ['get', 'class'], 'minor'], name]
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const
  const source = () => ({ type: 'geojson', data: NONE }) as const
  return {
    version: 8,
    sources: { land: source(), streets: source(), towns: source(), track: source(), way: source(), lines: source(), areas: source(), names: source(), marks: source() },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': sea ? c.sea : c.land } },
      { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': c.land } },
      { id: 'service', type: 'line', source: 'streets', minzoom: 12.5, filter: kind('service'), layout: round, paint: { 'line-color': c.service, 'line-width': width(0.6, 4) } },
      { id: 'minor', type: 'line', source: 'streets', filter: kind('minor'), layout: round, paint: { 'line-color': c.minor, 'line-width': width(1, 8) } },
      { id: 'casing', type: 'line', source: 'streets', filter: kind('major'), layout: round, paint: { 'line-color': c.casing, 'line-width': width(3, 15) } },
      { id: 'major', type: 'line', source: 'streets', filter: kind('major'), layout: round, paint: { 'line-color': c.major, 'line-width': width(1.8, 12) } },
      { id: 'areas', type: 'fill', source: 'areas', paint: { 'fill-color': ['coalesce', ['get', 'fill'], c.accent], 'fill-opacity': ['get', 'opacity'] } },
      { id: 'borders', type: 'line', source: 'areas', layout: round, paint: { 'line-color': ['case', ['!', ['has', 'fill']], c.accent, ['get', 'selected'], c.ink, c.paper], 'line-width': ['case', ['get', 'selected'], 3, 1.5] } },
      {
        id: 'towns',
        type: 'symbol',
        source: 'towns',
        layout: {
          'text-field': ['get', 'name'],
          'text-font': ['Noto Sans'],
          'text-size': ['interpolate', ['linear'], ['get', 'weight'], 1, 11, 5, 15],
          'text-anchor': 'left',
          'text-offset': [0.9, 0],
          'text-padding': 8,
          'symbol-sort-key': ['-', 0, ['get', 'weight']],
        },
        paint: { 'text-color': c.label, 'text-halo-color': c.land, 'text-halo-width': 1.6 },
      },
      {
        id: 'names',
        type: 'symbol',
        source: 'names',
        layout: { 'text-field': ['get', 'name'], 'text-font': ['Noto Sans'], 'text-size': 13, 'text-padding': 0 },
        paint: { 'text-color': c.ink, 'text-halo-color': c.paper, 'text-halo-width': 1.6 },
      },
      { id: 'track', type: 'line', source: 'track', layout: round, paint: { 'line-color': c.accent, 'line-width': 3 } },
      { id: 'way', type: 'line', source: 'way', layout: round, paint: { 'line-color': c.ink, 'line-width': 2, 'line-dasharray': [0.5, 2.5] } },
      { id: 'lines', type: 'line', source: 'lines', layout: round, paint: { 'line-color': c.ink, 'line-width': 2 } },
      {
        id: 'marks',
        type: 'symbol',
        source: 'marks',
        layout: {
          'icon-image': ['get', 'icon'],
          'icon-rotate': ['get', 'turn'],
          'icon-rotation-alignment': 'map',
          'icon-allow-overlap': true,
          'icon-ignore-placement': true,
          'symbol-sort-key': ['get', 'order'],
        },
      },
    ],
  }
}

/** The map by WebGL. Labels need no glyph files; marks are painted by the same pen as on the plain canvas. */
export class GlLayer implements Layer {
  readonly kind = 'webgl'
  private readonly map: GlMap
  private readonly ready: Promise<void>
  private readonly glide = new Glide(reducedMotion() ? 0 : 1000)
  private now: Scene = EMPTY
  private frame = 0
  private painted = 0
  private sea = false

  constructor(
    host: HTMLElement,
    private colours: Colours,
    private readonly events: Events,
  ) {
    this.map = new GlMap({ container: host, style: style(colours, this.sea), attributionControl: false, maxZoom: MAX_ZOOM, fadeDuration: 0, dragRotate: false, pitchWithRotate: false, keyboard: false })
    this.map.touchZoomRotate.disableRotation()
    this.map.getCanvas().tabIndex = -1
    this.ready = new Promise((resolve) => this.map.once('load', () => resolve()))
    this.map.setMissingStyleImageResolver((id) => this.paintIcon(id))
    this.map.on('click', (e) => {
      const { x, y } = e.point
      const hit = this.map.getLayer('marks') && this.map.queryRenderedFeatures([[x - 14, y - 14], [x + 14, y + 14]], { layers: ['marks'] })[0]
      const properties = hit ? (hit.properties as { id: string; kind: string }) : undefined
      if (properties?.kind === 'vehicle' && this.events.vehicle(properties.id)) return
      if (properties?.kind === 'waiting' && this.events.booking(properties.id)) return
      this.events.place(e.lngLat.lng, e.lngLat.lat)
    })
    this.map.on('mousemove', 'marks', () => (this.map.getCanvas().style.cursor = 'pointer'))
    this.map.on('mouseleave', 'marks', () => (this.map.getCanvas().style.cursor = ''))
  }

  basemap({ streets, towns, land }: Basemap): void {
    this.put('streets', streets)
    this.put('towns', towns)
    this.put('land', land ?? NONE)
    this.sea = land !== null
    this.recolour(this.colours)
  }

  scene(scene: Scene): void {
    if (scene.track !== this.now.track) this.put('track', paths([scene.track]))
    if (scene.way !== this.now.way) this.put('way', paths([scene.way]))
    if (scene.lines !== this.now.lines) this.put('lines', paths(scene.lines))
    if (scene.areas !== this.now.areas) {
      this.put('areas', { type: 'FeatureCollection', features: scene.areas.map(polygon) })
      this.put('names', { type: 'FeatureCollection', features: scene.areas.flatMap(named) })
    }
    this.now = scene
    this.glide.aim(scene.vehicles, performance.now())
    this.painted = 0
    this.step()
  }

  fit([west, south, east, north]: Bounds, maxZoom = 15): void {
    this.map.resize()
    this.map.fitBounds([[west, south], [east, north]], { padding: PADDING, maxZoom, animate: false })
  }

  show(places: LonLat[]): void {
    const { clientWidth: w, clientHeight: h } = this.map.getContainer()
    const points = places.map((place) => this.map.project(place)).map(({ x, y }): [number, number] => [x, y])
    const [first, second] = places
    if (!first || inSight(points, w, h)) return
    const bounds = boundsOf(places)
    if (second && bounds) this.fit(bounds)
    else this.map.easeTo({ center: first, animate: !reducedMotion() })
  }

  zoom(by: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + by, animate: !reducedMotion() })
  }

  pan(dx: number, dy: number): void {
    const { clientWidth: w, clientHeight: h } = this.map.getContainer()
    this.map.panBy([dx * w, dy * h], { animate: !reducedMotion() })
  }

  get centre(): LonLat {
    return this.map.getCenter().toArray()
  }

  recolour(colours: Colours): void {
    this.colours = colours
    void this.ready.then(() => {
      for (const layer of style(colours, this.sea).layers) {
        for (const [name, value] of Object.entries(layer.paint ?? {})) {
          if (name.endsWith('-color')) this.map.setPaintProperty(layer.id, name as 'line-color', value as string)
        }
      }
      for (const id of this.map.listImages()) this.map.removeImage(id)
      this.painted = 0
      this.step()
    })
  }

  destroy(): void {
    cancelAnimationFrame(this.frame)
    this.map.remove()
  }

  private put(source: string, data: FeatureCollection): void {
    void this.ready.then(() => (this.map.getSource(source) as GeoJSONSource | undefined)?.setData(data))
  }

  /** Some fifteen pictures a second are smooth enough for vans. */
  private step(): void {
    cancelAnimationFrame(this.frame)
    const at = performance.now()
    let moving = true
    if (at - this.painted > 66) {
      this.painted = at
      moving = this.paint(at)
    }
    if (moving) this.frame = requestAnimationFrame(() => this.step())
  }

  private paint(at: number): boolean {
    let moving = false
    const vehicles = this.now.vehicles.map((m) => {
      const [lon, lat] = this.glide.where(m.id, at) ?? [m.lon, m.lat]
      moving ||= lon !== m.lon || lat !== m.lat
      const turn = m.shape === 'triangle' ? (m.course ?? 0) : 0
      return point([lon, lat], { id: m.id, kind: 'vehicle', turn, icon: `v|${m.shape}|${m.colour}|${+m.hollow}|${+m.selected}`, order: m.selected ? 3 : 2 })
    })
    const pins = this.now.pins.map((p) => point([p.lon, p.lat], { id: p.id, kind: p.kind, turn: 0, icon: `p|${p.kind}|${p.label}|${+p.selected}`, order: p.kind === 'waiting' ? 0 : 1 }))
    this.put('marks', { type: 'FeatureCollection', features: [...pins, ...vehicles] })
    return moving
  }

  private paintIcon(id: string): void {
    if (this.map.hasImage(id)) return
    const ratio = 2
    const size = 72
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = size * ratio
    const ctx = canvas.getContext('2d')
    if (!ctx) return
    ctx.scale(ratio, ratio)
    ctx.translate(size / 2, size / 2)
    const [kind, a, b, c, d] = id.split('|')
    if (kind === 'v') drawMarker(ctx, { shape: a as Marker['shape'], colour: b ?? '', hollow: c === '1', selected: d === '1', course: null }, this.colours)
    else drawPin(ctx, { kind: a as Pin['kind'], label: b ?? '', selected: c === '1' }, this.colours)
    this.map.addImage(id, ctx.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: ratio })
  }
}

function point(coordinates: LonLat, properties: Record<string, unknown>): Feature<Point> {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates } }
}

function paths(lines: LonLat[][]): FeatureCollection {
  const drawn = lines.filter((points) => points.length > 1)
  return { type: 'FeatureCollection', features: drawn.map((coordinates) => ({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } })) }
}

function polygon({ id, polygons, selected, fill }: Area): Feature<MultiPolygon> {
  const properties = { id, selected, opacity: opacity(fill !== undefined, selected), ...(fill === undefined ? {} : { fill }) }
  return { type: 'Feature', properties, geometry: { type: 'MultiPolygon', coordinates: polygons } }
}

/** Where an area's name stands: once, however many tiles it lies in. */
function named(area: Area): Feature<Point>[] {
  const middle = middleOf(area)
  return middle && area.name !== '' ? [point(middle, { name: area.name })] : []
}
