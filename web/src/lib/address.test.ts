import { expect, test } from 'vitest'
import { addressed } from './address'

const asked = (path: string, search = '') => {
  const { screen, query } = addressed(path, search)
  return [screen, query.toString()]
}

test('an address names a screen, one thing on it, or no page', () => {
  expect(asked('/')).toEqual(['live', ''])
  expect(asked('/bookings/', '?q=ana')).toEqual(['bookings', 'q=ana'])
  expect(asked('/bookings/0198', '?q=ana')).toEqual(['live', 'q=ana&booking=0198'])
  expect(asked('/vehicles/KA%201')).toEqual(['live', 'vehicle=KA+1'])
  expect(asked('/vehicles/%')).toEqual(['live', 'vehicle=%25'])
  for (const path of ['/nonsense', '/vehicles', '/bookings/0198/events', '/drivers/1']) expect(asked(path)).toEqual([null, ''])
})
