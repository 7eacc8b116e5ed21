import { expect, it } from 'vitest'
import { boundsOf, contains, fit, toPlace, toScreen, widened, zoomAt, type Bounds, type View } from './geo'

const view: View = { ...fit([1.4, 42.4, 1.7, 42.6], 800, 600) }

it('a place goes to the screen and back', () => {
  const [x, y] = toScreen(view, 800, 600, 1.5, 42.5)
  const [lon, lat] = toPlace(view, 800, 600, x, y)
  expect(lon).toBeCloseTo(1.5, 9)
  expect(lat).toBeCloseTo(42.5, 9)
})

it('what is fitted is in sight', () => {
  for (const [lon, lat] of [[1.4, 42.4], [1.7, 42.6]] as const) {
    const [x, y] = toScreen(view, 800, 600, lon, lat)
    expect(x).toBeGreaterThan(0)
    expect(x).toBeLessThan(800)
    expect(y).toBeGreaterThan(0)
    expect(y).toBeLessThan(600)
  }
  expect(boundsOf([])).toBeNull()
})

it('zooming keeps what is under the pointer', () => {
  const before = toPlace(view, 800, 600, 100, 500)
  const after = toPlace(zoomAt(view, 800, 600, 100, 500, 2), 800, 600, 100, 500)
  expect(after[0]).toBeCloseTo(before[0], 9)
  expect(after[1]).toBeCloseTo(before[1], 9)
})

it('a wider box holds the one that it was made of', () => {
  const box: Bounds = [1, 42, 2, 43]
  expect(contains(widened(box), box)).toBe(true)
  expect(contains(box, widened(box))).toBe(false)
})
