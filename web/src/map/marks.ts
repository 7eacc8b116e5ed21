import type { Shape } from '../lib/status'
import type { Colours, Marker, Pin } from './scene'

type Ctx = CanvasRenderingContext2D

function outline(ctx: Ctx, shape: Shape, r: number): void {
  ctx.beginPath()
  if (shape === 'triangle') {
    ctx.moveTo(0, -r * 1.25)
    ctx.lineTo(r * 0.95, r * 0.95)
    ctx.lineTo(0, r * 0.5)
    ctx.lineTo(-r * 0.95, r * 0.95)
    ctx.closePath()
  } else if (shape === 'square') ctx.rect(-r * 0.85, -r * 0.85, r * 1.7, r * 1.7)
  else if (shape === 'dash') ctx.roundRect(-r, -r * 0.4, r * 2, r * 0.8, r * 0.3)
  else ctx.arc(0, 0, r, 0, Math.PI * 2)
}

/** Draws a vehicle around the origin. An old position is hollow; a ring marks the selected one. */
export function drawMarker(ctx: Ctx, m: Pick<Marker, 'shape' | 'colour' | 'hollow' | 'selected' | 'course'>, colours: Colours): void {
  const r = m.selected ? 9 : 7
  if (m.selected) {
    ctx.beginPath()
    ctx.arc(0, 0, 17, 0, Math.PI * 2)
    ctx.fillStyle = colours.paper
    ctx.globalAlpha = 0.75
    ctx.fill()
    ctx.globalAlpha = 1
    ctx.lineWidth = 2.5
    ctx.strokeStyle = colours.ink
    ctx.stroke()
  }
  ctx.save()
  if (m.shape === 'triangle' && m.course !== null) ctx.rotate((m.course * Math.PI) / 180)
  outline(ctx, m.shape, r)
  ctx.lineJoin = 'round'
  ctx.lineWidth = 4.5
  ctx.strokeStyle = colours.paper
  ctx.stroke()
  const hollow = m.hollow || m.shape === 'ring'
  ctx.fillStyle = hollow ? colours.paper : m.colour
  ctx.fill()
  if (hollow) {
    ctx.lineWidth = 2.25
    ctx.strokeStyle = m.colour
    ctx.stroke()
  }
  ctx.restore()
}

/** Draws an end or a stop of a booking, its point at the origin. */
export function drawPin(ctx: Ctx, pin: Pick<Pin, 'kind' | 'label' | 'selected'>, colours: Colours): void {
  if (pin.kind === 'waiting') {
    const r = pin.selected ? 11 : 8
    ctx.beginPath()
    ctx.arc(0, 0, r, 0, Math.PI * 2)
    ctx.fillStyle = '#cc79a7'
    ctx.fill()
    ctx.lineWidth = 2
    ctx.strokeStyle = colours.paper
    ctx.stroke()
    ctx.beginPath()
    ctx.moveTo(-r / 2, 0)
    ctx.lineTo(r / 2, 0)
    ctx.moveTo(0, -r / 2)
    ctx.lineTo(0, r / 2)
    ctx.strokeStyle = '#1b1014'
    ctx.lineWidth = 2
    ctx.stroke()
    return
  }
  ctx.beginPath()
  ctx.moveTo(0, 0)
  ctx.bezierCurveTo(-4, -8, -11, -11, -11, -19)
  ctx.arc(0, -19, 11, Math.PI, 0)
  ctx.bezierCurveTo(11, -11, 4, -8, 0, 0)
  ctx.closePath()
  ctx.fillStyle = pin.kind === 'pickup' ? colours.paper : colours.ink
  ctx.fill()
  ctx.lineWidth = 2.5
  ctx.strokeStyle = pin.kind === 'pickup' ? colours.ink : colours.paper
  ctx.stroke()
  ctx.fillStyle = pin.kind === 'pickup' ? colours.ink : colours.paper
  ctx.font = '700 12px system-ui, sans-serif'
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.fillText(pin.label, 0, -18.5)
}
