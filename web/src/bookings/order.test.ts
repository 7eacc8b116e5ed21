import { expect, it } from 'vitest'
import { blankOrder, blankStop, formOf, orderOf, patchOf, type OrderForm } from './order'

const at = (lat: number) => ({ lat, lon: -9.1 })
function form(changes: Partial<OrderForm> = {}): OrderForm {
  const blank = blankOrder()
  return { ...blank, pickup: { ...blank.pickup, place: at(38.7) }, dropoff: { ...blank.dropoff, place: at(38.8) }, ...changes }
}

it('sends only what was filled in', () => {
  expect(orderOf(form())).toEqual({ pickup: at(38.7), dropoff: at(38.8) })
  const full = form({
    stops: [{ ...blankStop(), place: at(38.75), kind: 'pickup', notes: 'ring' }],
    from: '2026-06-01T08:00:00.000Z', until: '2026-06-01T09:00:00.000Z', skills: 'tail_lift, ,adr', load_kg: 0, priority: 'high',
  })
  full.pickup.address = 'Dock 3'
  full.pickup.phone = '+351 1'
  expect(orderOf(full)).toEqual({
    pickup: { ...at(38.7), address: 'Dock 3', contact: { phone: '+351 1' } },
    dropoff: at(38.8),
    stops: [{ ...at(38.75), kind: 'pickup', notes: 'ring' }],
    pickup_window: { from: '2026-06-01T08:00:00.000Z', until: '2026-06-01T09:00:00.000Z' },
    skills: ['tail_lift', 'adr'], load_kg: 0, priority: 'high',
  })
})

it('patches what differs and clears what was emptied', () => {
  const was = form({ notes: 'x', customer: 'Ana', skills: 'adr', from: '2026-06-01T08:00:00.000Z' })
  expect(patchOf(was, { ...was })).toEqual({})
  expect(patchOf(was, { ...was, notes: '', customer: 'Ben', skills: '' })).toEqual({ notes: null, customer: 'Ben', skills: [] })
  const until = '2026-06-01T09:00:00.000Z'
  expect(patchOf(was, { ...was, until })).toEqual({ pickup_window: { from: was.from, until } })
  expect(patchOf({ ...was, until }, was)).toEqual({ pickup_window: null, pickup_at: was.from })
  const contact = { ...was, dropoff: { ...was.dropoff, phone: '1', address: '' } }
  expect(patchOf(was, contact)).toEqual({ dropoff: { ...at(38.8), address: null, contact: { name: null, phone: '1', email: null } } })
  expect(patchOf(contact, was)).toEqual({ dropoff: { ...at(38.8), address: null, contact: null } })
})

it('reads a booking back', () => {
  const booking = {
    pickup: { ...at(38.7), address: 'Dock 3', contact: { name: 'Rui' } }, dropoff: at(38.8), stops: [{ ...at(38.75), kind: 'visit' }],
    pickup_at: '2026-06-01T08:00:00.000Z', skills: ['adr'], priority: 'low',
  } as unknown as Parameters<typeof formOf>[0]
  expect(orderOf(formOf(booking))).toMatchObject({ ...booking })
})
