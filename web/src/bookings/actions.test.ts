import { expect, it } from 'vitest'
import { BOOKING } from '../lib/status'
import { actionsOf, COLUMNS, columnOf, movesOf } from './actions'
import type { BookingStatus } from './types'

const STATUSES = Object.keys(BOOKING) as BookingStatus[]

it('has a column for each status', () => {
  expect(STATUSES.map((status) => COLUMNS.filter((c) => c.statuses.includes(status)).length)).toEqual(STATUSES.map(() => 1))
})

it('moves a booking to other columns, one way to each', () => {
  for (const status of STATUSES) {
    const to = movesOf({ status }).map((move) => move.to)
    expect(new Set(to).size).toBe(to.length)
    expect(to).not.toContain(columnOf({ status }))
    expect(to.every((name) => COLUMNS.some((c) => c.name === name))).toBe(true)
  }
  expect(movesOf({ status: 'waiting' }).map((move) => [move.to, move.name])).toEqual([['Assigned', 'assign'], ['Exception', 'cancel']])
  expect(movesOf({ status: 'assigned' }).map((move) => [move.to, move.name])).toEqual([['At stop', 'arrived'], ['New', 'unassign'], ['Exception', 'fail']])
})

it('offers nothing once it is delivered', () => expect(actionsOf({ status: 'delivered' })).toEqual([]))
