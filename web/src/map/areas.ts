import { boundsOf, type Bounds, type LonLat } from './geo'
import type { Area, Colours } from './scene'

/** The middle of an area: there stands its name. */
export function middleOf({ polygons }: Pick<Area, 'polygons'>): LonLat | null {
  const box = boundsOf(polygons.flat(2))
  return box && [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
}

/** Draws an area with its name in the middle; `at` says where a place is on the canvas. */
export function drawArea(ctx: CanvasRenderingContext2D, { polygons, selected, fill }: Area, at: (place: LonLat) => [x: number, y: number], colours: Colours): void {
  ctx.beginPath()
  for (const ring of polygons.flat()) {
    ring.forEach((place, i) => (i === 0 ? ctx.moveTo(...at(place)) : ctx.lineTo(...at(place))))
    ctx.closePath()
  }
  ctx.globalAlpha = opacity(fill !== undefined, selected)
  ctx.fillStyle = fill ?? colours.accent
  ctx.fill('evenodd')
  ctx.globalAlpha = 1
  ctx.strokeStyle = fill === undefined ? colours.accent : selected ? colours.ink : colours.paper
  ctx.lineWidth = selected ? 3 : 1.5
  ctx.stroke()
}

/** Writes the names of areas over all of them; numbers of cells that have no room for theirs are left out. Says what it took. */
export function nameAreas(ctx: CanvasRenderingContext2D, areas: Area[], at: (place: LonLat) => [x: number, y: number], colours: Colours): Bounds[] {
  const taken: Bounds[] = []
  ctx.font = "13px 'Noto Sans', system-ui, sans-serif"
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.lineWidth = 3.2
  for (const area of areas) {
    const middle = area.name === '' ? null : middleOf(area)
    if (!middle) continue
    const width = ctx.measureText(area.name).width
    if (area.fill !== undefined && widthOf(area, at) < width + 6) continue
    const [x, y] = at(middle)
    taken.push([x - width / 2, y - 8, x + width / 2, y + 8])
    ctx.strokeStyle = colours.paper
    ctx.strokeText(area.name, x, y)
    ctx.fillStyle = colours.ink
    ctx.fillText(area.name, x, y)
  }
  return taken
}

/** How much an area hides what lies under it. */
export function opacity(hasColour: boolean, selected: boolean): number {
  return hasColour ? (selected ? 0.9 : 0.72) : selected ? 0.32 : 0.12
}

function widthOf({ polygons }: Area, at: (place: LonLat) => [x: number, y: number]): number {
  const box = boundsOf(polygons.flat(2).map(at))
  return box ? box[2] - box[0] : 0
}
