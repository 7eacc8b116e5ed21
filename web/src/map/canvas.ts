import type { Feature, Position } from 'geojson'
import { drawArea, nameAreas } from './areas'
import type { Basemap, Town } from './basemap'
import { boundsOf, fit, MAX_ZOOM, MIN_ZOOM, project, scale, toPlace, toScreen, unproject, zoomAt, type Bounds, type LonLat, type View } from './geo'
import { drawMarker, drawPin } from './marks'
import { EMPTY, Glide, inSight, reducedMotion, type Colours, type Events, type Layer, type Marker, type Scene } from './scene'

interface Line {
  path: Float64Array
  box: Bounds
}
const WIDTHS = { service: 0.7, minor: 1.2, major: 2.4 } as const
const CLASSES = ['service', 'minor', 'major'] as const

/** The map on a plain 2D canvas: streets, vehicles, pan and zoom. Used where the browser has no WebGL. */
export class CanvasLayer implements Layer {
  readonly kind = 'canvas'
  private readonly canvas = document.createElement('canvas')
  private readonly ctx: CanvasRenderingContext2D
  private view: View = { x: 0.5, y: 0.5, zoom: 2 }
  private lines: Record<(typeof CLASSES)[number], Line[]> = { service: [], minor: [], major: [] }
  private land: Line[] = []
  private towns: { at: LonLat; town: Town }[] = []
  private now: Scene = EMPTY
  private readonly glide = new Glide(reducedMotion() ? 0 : 1000)
  private frame = 0
  private width = 1
  private height = 1
  private later: (() => void) | undefined
  private readonly observer: ResizeObserver
  private readonly pointers = new Map<number, { x: number; y: number }>()
  private moved = 0

  constructor(
    private readonly host: HTMLElement,
    private colours: Colours,
    private readonly events: Events,
  ) {
    const ctx = this.canvas.getContext('2d')
    if (!ctx) throw new Error('this browser cannot draw')
    this.ctx = ctx
    this.canvas.className = 'plain-map'
    host.append(this.canvas)
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(host)
    this.listen()
    this.resize()
  }

  basemap({ streets, towns, land }: Basemap): void {
    this.lines = { service: [], minor: [], major: [] }
    for (const feature of streets.features) {
      const kind = CLASSES.find((c) => c === (feature.properties as { class?: string } | null)?.class) ?? 'minor'
      for (const path of pathsOf(feature)) this.lines[kind].push(line(path))
    }
    this.land = (land?.features ?? []).flatMap((f) => pathsOf(f).map(line))
    this.towns = towns.features
      .map((f) => ({ at: f.geometry.coordinates as LonLat, town: f.properties }))
      .sort((a, b) => b.town.weight - a.town.weight)
    this.draw()
  }

  scene(scene: Scene): void {
    this.now = scene
    this.glide.aim(scene.vehicles, performance.now())
    this.draw()
  }

  fit(bounds: Bounds, maxZoom = 15): void {
    this.resize()
    const go = () => {
      this.view = fit(bounds, this.width, this.height, Math.min(56, this.width / 8), maxZoom)
      this.draw()
    }
    if (this.width <= 1) this.later = go
    else go()
  }

  show(places: LonLat[]): void {
    const points = places.map(([lon, lat]) => toScreen(this.view, this.width, this.height, lon, lat))
    const [first, second] = places
    if (!first || inSight(points, this.width, this.height)) return
    const bounds = boundsOf(places)
    if (second && bounds) return this.fit(bounds)
    const [x, y] = project(...first)
    this.view = { ...this.view, x, y }
    this.draw()
  }

  zoom(by: number): void {
    this.view = zoomAt(this.view, this.width, this.height, this.width / 2, this.height / 2, by)
    this.draw()
  }

  recolour(colours: Colours): void {
    this.colours = colours
    this.draw()
  }

  destroy(): void {
    this.observer.disconnect()
    cancelAnimationFrame(this.frame)
    this.canvas.remove()
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.host
    if (clientWidth === 0 || clientHeight === 0) return
    const ratio = Math.min(2, devicePixelRatio || 1)
    this.width = clientWidth
    this.height = clientHeight
    this.canvas.width = Math.round(clientWidth * ratio)
    this.canvas.height = Math.round(clientHeight * ratio)
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.later?.()
    this.later = undefined
    this.paint()
  }

  private draw(): void {
    if (this.frame) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.paint()
    })
  }

  private paint(): void {
    const { ctx, colours, width, height } = this
    ctx.fillStyle = this.land.length > 0 ? colours.sea : colours.land
    ctx.fillRect(0, 0, width, height)
    const seen = this.seen()
    if (this.land.length > 0) {
      this.trace(this.land, seen)
      ctx.fillStyle = colours.land
      ctx.fill('evenodd')
    }
    ctx.lineCap = 'round'
    ctx.lineJoin = 'round'
    const grow = 2 ** (Math.max(-1.5, Math.min(4, this.view.zoom - 13)) * 0.55)
    for (const kind of CLASSES) {
      if (kind === 'service' && this.view.zoom < 12.5) continue
      this.trace(this.lines[kind], seen)
      if (kind === 'major') this.stroke(colours.casing, WIDTHS[kind] * grow + 1.5)
      this.stroke(colours[kind], WIDTHS[kind] * grow)
    }
    const at = (place: LonLat) => toScreen(this.view, width, height, ...place)
    for (const area of this.now.areas) drawArea(ctx, area, at, colours)
    this.label(nameAreas(ctx, this.now.areas, at, colours))
    this.overlay()
  }

  /** The weightier towns take their room first; who finds none stays without a name. */
  private label(taken: Bounds[]): void {
    const { ctx, colours } = this
    ctx.textAlign = 'left'
    ctx.textBaseline = 'middle'
    for (const { at, town } of this.towns) {
      const [x, y] = toScreen(this.view, this.width, this.height, ...at)
      if (x < 0 || y < 0 || x > this.width || y > this.height) continue
      ctx.font = `${10 + town.weight}px 'Noto Sans', system-ui, sans-serif`
      const left = x + 13
      const box: Bounds = [left - 8, y - 16, left + ctx.measureText(town.name).width + 8, y + 16]
      if (taken.some((b) => b[0] < box[2] && b[2] > box[0] && b[1] < box[3] && b[3] > box[1])) continue
      taken.push(box)
      ctx.lineWidth = 3.2
      ctx.strokeStyle = colours.land
      ctx.strokeText(town.name, left, y)
      ctx.fillStyle = colours.label
      ctx.fillText(town.name, left, y)
    }
  }

  private overlay(): void {
    const { ctx, colours, now } = this
    this.polyline(now.track, colours.accent, 3, [])
    this.polyline(now.way, colours.ink, 2, [2, 6])
    for (const line of now.lines) this.polyline(line, colours.ink, 2, [])
    const at = performance.now()
    let moving = false
    const place = (m: Marker) => this.glide.where(m.id, at) ?? ([m.lon, m.lat] as LonLat)
    for (const pin of now.pins) this.stamp([pin.lon, pin.lat], () => drawPin(ctx, pin, colours))
    const ordered = [...now.vehicles.filter((m) => !m.selected), ...now.vehicles.filter((m) => m.selected)]
    for (const m of ordered) {
      const [lon, lat] = place(m)
      moving ||= lon !== m.lon || lat !== m.lat
      this.stamp([lon, lat], () => drawMarker(ctx, m, colours))
    }
    if (moving) this.draw()
  }

  private stamp([lon, lat]: LonLat, draw: () => void): void {
    const [x, y] = toScreen(this.view, this.width, this.height, lon, lat)
    if (x < -40 || y < -40 || x > this.width + 40 || y > this.height + 40) return
    this.ctx.save()
    this.ctx.translate(x, y)
    draw()
    this.ctx.restore()
  }

  private polyline(points: LonLat[], colour: string, width: number, dash: number[]): void {
    if (points.length < 2) return
    this.ctx.beginPath()
    points.forEach(([lon, lat], i) => {
      const [x, y] = toScreen(this.view, this.width, this.height, lon, lat)
      if (i === 0) this.ctx.moveTo(x, y)
      else this.ctx.lineTo(x, y)
    })
    this.ctx.setLineDash(dash)
    this.stroke(colour, width)
    this.ctx.setLineDash([])
  }

  private stroke(colour: string, width: number): void {
    this.ctx.strokeStyle = colour
    this.ctx.lineWidth = width
    this.ctx.stroke()
  }

  private seen(): Bounds {
    const k = scale(this.view.zoom)
    const [w, h] = [this.width / 2 / k, this.height / 2 / k]
    return [this.view.x - w, this.view.y - h, this.view.x + w, this.view.y + h]
  }

  private trace(lines: Line[], seen: Bounds): void {
    const { ctx } = this
    const k = scale(this.view.zoom)
    const dx = this.width / 2 - this.view.x * k
    const dy = this.height / 2 - this.view.y * k
    ctx.beginPath()
    for (const { path, box } of lines) {
      if (box[2] < seen[0] || box[0] > seen[2] || box[3] < seen[1] || box[1] > seen[3]) continue
      ctx.moveTo((path[0] ?? 0) * k + dx, (path[1] ?? 0) * k + dy)
      for (let i = 2; i < path.length; i += 2) ctx.lineTo((path[i] ?? 0) * k + dx, (path[i + 1] ?? 0) * k + dy)
    }
  }

  private listen(): void {
    const { canvas } = this
    canvas.addEventListener('wheel', (e) => {
      e.preventDefault()
      const by = -e.deltaY * (e.deltaMode === 1 ? 0.05 : 0.0025)
      this.view = zoomAt(this.view, this.width, this.height, e.offsetX, e.offsetY, Math.max(-1, Math.min(1, by)))
      this.draw()
    }, { passive: false })
    canvas.addEventListener('dblclick', (e) => {
      this.view = zoomAt(this.view, this.width, this.height, e.offsetX, e.offsetY, 1)
      this.draw()
    })
    canvas.addEventListener('pointerdown', (e) => {
      canvas.setPointerCapture(e.pointerId)
      if (this.pointers.size === 0) this.moved = 0
      this.pointers.set(e.pointerId, { x: e.offsetX, y: e.offsetY })
    })
    canvas.addEventListener('pointermove', (e) => this.drag(e))
    canvas.addEventListener('pointerup', (e) => {
      const known = this.pointers.delete(e.pointerId)
      if (known && this.pointers.size === 0 && this.moved < 6) this.click(e.offsetX, e.offsetY)
    })
    canvas.addEventListener('pointercancel', (e) => this.pointers.delete(e.pointerId))
  }

  private drag(e: PointerEvent): void {
    const was = this.pointers.get(e.pointerId)
    if (!was) {
      this.canvas.style.cursor = this.hit(e.offsetX, e.offsetY) ? 'pointer' : ''
      return
    }
    const other = [...this.pointers].find(([id]) => id !== e.pointerId)?.[1]
    const [dx, dy] = [e.offsetX - was.x, e.offsetY - was.y]
    this.moved += Math.abs(dx) + Math.abs(dy)
    const k = scale(this.view.zoom)
    if (other) {
      const before = Math.hypot(was.x - other.x, was.y - other.y)
      const after = Math.hypot(e.offsetX - other.x, e.offsetY - other.y)
      if (before > 0 && after > 0) this.view = zoomAt(this.view, this.width, this.height, other.x, other.y, Math.log2(after / before))
    } else {
      const zoom = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, this.view.zoom))
      this.view = { x: this.view.x - dx / k, y: this.view.y - dy / k, zoom }
    }
    this.pointers.set(e.pointerId, { x: e.offsetX, y: e.offsetY })
    this.draw()
  }

  private hit(px: number, py: number): { kind: 'vehicle' | 'booking'; id: string } | undefined {
    const at = performance.now()
    let best: { kind: 'vehicle' | 'booking'; id: string } | undefined
    let nearest = 20
    const look = (kind: 'vehicle' | 'booking', id: string, [lon, lat]: LonLat) => {
      const [x, y] = toScreen(this.view, this.width, this.height, lon, lat)
      const d = Math.hypot(x - px, y - py)
      if (d < nearest) [best, nearest] = [{ kind, id }, d]
    }
    for (const p of this.now.pins) if (p.kind === 'waiting') look('booking', p.id, [p.lon, p.lat])
    for (const m of this.now.vehicles) look('vehicle', m.id, this.glide.where(m.id, at) ?? [m.lon, m.lat])
    return best
  }

  private click(px: number, py: number): void {
    const hit = this.hit(px, py)
    if (hit?.kind === 'vehicle' && this.events.vehicle(hit.id)) return
    if (hit?.kind === 'booking' && this.events.booking(hit.id)) return
    this.events.place(...toPlace(this.view, this.width, this.height, px, py))
  }

  pan(dx: number, dy: number): void {
    const k = scale(this.view.zoom)
    this.view = { ...this.view, x: this.view.x + (dx * this.width) / k, y: this.view.y + (dy * this.height) / k }
    this.draw()
  }

  get centre(): LonLat {
    return unproject(this.view.x, this.view.y)
  }
}

function line(points: Position[]): Line {
  const path = new Float64Array(points.length * 2)
  const world = points.map(([lon, lat]) => project(lon ?? 0, lat ?? 0))
  world.forEach(([x, y], i) => path.set([x, y], i * 2))
  return { path, box: boundsOf(world) ?? [0, 0, 0, 0] }
}

function pathsOf({ geometry: g }: Feature): Position[][] {
  if (!g) return []
  if (g.type === 'LineString') return [g.coordinates]
  if (g.type === 'MultiLineString' || g.type === 'Polygon') return g.coordinates
  if (g.type === 'MultiPolygon') return g.coordinates.flat()
  return []
}
