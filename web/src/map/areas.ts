import { boundsOf, type LonLat } from './geo'
import type { Area, Colours } from './scene'

/** Draws an area with its name in the middle; `at` says where a place is on the canvas. */
export function drawArea(ctx: CanvasRenderingContext2D, { name, polygons, selected }: Area, at: (place: LonLat) => [x: number, y: number], colours: Colours): void {
  ctx.beginPath()
  for (const ring of polygons.flat()) {
    ring.forEach((place, i) => (i === 0 ? ctx.moveTo(...at(place)) : ctx.lineTo(...at(place))))
    ctx.closePath()
  }
  ctx.globalAlpha = selected ? 0.32 : 0.12
  ctx.fillStyle = colours.accent
  ctx.fill('evenodd')
  ctx.globalAlpha = 1
  ctx.strokeStyle = colours.accent
  ctx.lineWidth = selected ? 3 : 1.5
  ctx.stroke()
  const box = boundsOf(polygons.flat(2))
  if (!box || name === '') return
  const [x, y] = at([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
  ctx.font = "13px 'Noto Sans', system-ui, sans-serif"
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.lineWidth = 3.2
  ctx.strokeStyle = colours.paper
  ctx.strokeText(name, x, y)
  ctx.fillStyle = colours.ink
  ctx.fillText(name, x, y)
}
