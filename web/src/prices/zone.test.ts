import { expect, it } from 'vitest'
import type { ZoneArea } from './types'
import { areaOf, areaText, boundsOfArea, corners, drawn, holds } from './zone'

const square: ZoneArea = { type: 'Polygon', coordinates: [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]] }
const two: ZoneArea = { type: 'MultiPolygon', coordinates: [square.coordinates as number[][][], [[[10, 10], [11, 10], [11, 11], [10, 10]]]] }

it('reads the area out of what people have', () => {
  for (const area of [square, two]) {
    const feature = { type: 'Feature', properties: { name: 'x' }, geometry: area }
    for (const json of [area, { ...area, bbox: [0, 0, 4, 4] }, feature, { type: 'FeatureCollection', features: [feature] }]) expect(areaOf(JSON.stringify(json))).toEqual(area)
    expect(areaOf(areaText(area))).toEqual(area)
  }
})

it('says why something is no area', () => {
  const said = (json: unknown) => areaOf(JSON.stringify(json))
  expect(areaOf('{')).toMatch(/^This is no JSON/)
  expect(said({ type: 'FeatureCollection', features: [] })).toMatch(/this one has 0/)
  for (const other of [null, 5, 'x', [], {}, { type: 'Point', coordinates: [1, 2] }, { type: 'Feature', geometry: null }]) expect(said(other)).toMatch(/is wanted/)
  for (const coordinates of [null, [], [[]], [[1, 2]], [[[1, 2], 3]], [[['1', '2']]], two.coordinates]) expect(said({ type: 'Polygon', coordinates })).toMatch(/coordinates of a Polygon/)
})

it('knows what is inside, and how far it reaches', () => {
  const inside = (lon: number, lat: number) => holds(two, [lon, lat])
  expect([inside(0.5, 2), inside(2, 2), inside(5, 2), inside(10.9, 10.5), inside(10.1, 10.5)]).toEqual([true, false, false, true, false])
  expect(boundsOfArea(two)).toEqual([0, 0, 11, 11])
  expect(corners(boundsOfArea(square))).toEqual([[0, 0], [4, 4]])
})

it('closes what was drawn', () => {
  expect(drawn([[1.00000049, 2], [3, 2], [3, 4]])).toEqual({ type: 'Polygon', coordinates: [[[1, 2], [3, 2], [3, 4], [1, 2]]] })
  expect(areaText(drawn([[1, 2], [3, 2], [3, 4]]))).toContain('[1, 2],\n')
})
