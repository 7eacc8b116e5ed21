import { beforeEach, expect, test } from 'vitest'
import { Outbox, picturesOf, type Line, type Store, type Told } from './outbox'
import type { Picture, Proof, Queued, Step } from './types'

/** What IndexedDB keeps, without the phone. */
class Memory implements Store {
  steps: Queued[] = []
  pictures = new Map<string, Picture>()

  queued = async () => structuredClone(this.steps)
  async add(step: Step, pictures: Picture[]) {
    this.steps.push(structuredClone(step))
    for (const p of pictures) this.pictures.set(p.id, p)
  }
  picture = async (id: string) => this.pictures.get(id)
  async sent(id: string) {
    const picture = this.pictures.get(id)
    if (picture) this.pictures.set(id, { ...picture, sent: true })
  }
  async done(id: string) {
    for (const step of this.steps.filter((s) => s.id === id)) for (const p of picturesOf(step)) this.pictures.delete(p)
    this.steps = this.steps.filter((s) => s.id !== id)
  }
  async refuse(id: string, why?: string) {
    this.steps = this.steps.map((s) => (s.id === id ? { ...s, refused: why } : s))
  }
}

/** A depot at the other end: it takes each id once, whatever becomes of its answer. */
class Depot implements Line {
  heard: string[] = []
  taken: Step[] = []
  attachments = new Set<string>()
  /** What it answers instead, by id or booking; its answer `lost`: it took it, and the line broke. */
  says: Record<string, Told | 'lost' | 'crash'> = {}

  async upload({ id }: Picture): Promise<Told> {
    this.heard.push(`picture ${id}`)
    const told = this.says[id]
    if (told && typeof told === 'object') return told
    this.attachments.add(id)
    return { kind: told === 'lost' ? 'away' : 'ok' }
  }
  async step(step: Step): Promise<Told> {
    this.heard.push(step.id)
    const told = this.says[step.id] ?? this.says[step.booking_id]
    if (told === 'crash') throw new Error('the phone went off')
    if (told && typeof told === 'object') return told
    const missing = picturesOf(step).find((id) => !this.attachments.has(id))
    if (missing) return { kind: 'refused', why: `there is no ${missing}` }
    if (!this.taken.some((t) => t.id === step.id)) this.taken.push(step)
    return { kind: told === 'lost' ? 'away' : 'ok' }
  }
}

let store: Memory
let depot: Depot
beforeEach(() => {
  store = new Memory()
  depot = new Depot()
})
const outbox = () => new Outbox(store, depot)
const picture = (id: string): Picture => ({ id, blob: new Blob(['x']), sent: false })
async function make(id: string, booking: string, proof?: Proof, driver = 'D-1') {
  const step: Step = { id, driver, booking_id: booking, ref: booking, step: 'arrived', at: '2026-03-01T09:00:00Z', ...(proof ? { proof } : {}) }
  await store.add(step, picturesOf(step).map(picture))
}

test('steps go in the order in which they were made, pictures before the step that names them', async () => {
  await make('1', 'A')
  await make('2', 'B', { photos: ['p1', 'p2'], signature: 's' })
  await make('3', 'A')
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.heard).toEqual(['1', 'picture p1', 'picture p2', 'picture s', '2', '3'])
  expect([store.steps, store.pictures.size]).toEqual([[], 0])
})

test('without a line nothing is skipped and nothing is lost', async () => {
  await make('1', 'A')
  await make('2', 'B')
  depot.says = { 1: { kind: 'away' } }
  expect(await outbox().send('D-1')).toBe('away')
  expect([depot.heard, store.steps.map((s) => s.id)]).toEqual([['1'], ['1', '2']])
  depot.says = {}
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.taken.map((s) => s.id)).toEqual(['1', '2'])
})

test('a step whose answer was lost is sent again and taken once', async () => {
  await make('1', 'A', { photos: ['p'] })
  depot.says = { p: 'lost' }
  expect(await outbox().send('D-1')).toBe('away')
  depot.says = { 1: 'lost' }
  expect(await outbox().send('D-1')).toBe('away')
  depot.says = {}
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.heard).toEqual(['picture p', 'picture p', '1', '1'])
  expect(depot.taken.map((s) => s.id)).toEqual(['1'])
})

test('a phone that goes off between the picture and the step goes on where it was', async () => {
  await make('1', 'A', { photos: ['p'] })
  depot.says = { 1: 'crash' }
  await expect(outbox().send('D-1')).rejects.toThrow('the phone went off')
  expect(store.steps.length).toBe(1)
  depot.says = {}
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.heard).toEqual(['picture p', '1', '1'])
  expect(depot.taken.map((s) => s.proof)).toEqual([{ photos: ['p'] }])
})

test('what is refused stays with its reason, is not sent again, and holds nothing up', async () => {
  await make('1', 'A')
  await make('2', 'A')
  await make('3', 'B', { photos: ['p'] })
  await make('4', 'C')
  depot.says = { 1: { kind: 'refused', why: 'it was cancelled' }, p: { kind: 'refused', why: 'it is too large' } }
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.taken.map((s) => s.id)).toEqual(['2', '4'])
  expect(store.steps.map((s) => [s.id, s.refused])).toEqual([['1', 'it was cancelled'], ['3', 'A picture was refused: it is too large']])
  expect(await outbox().send('D-1')).toBe('ok')
  expect(depot.heard.filter((h) => h === '1').length).toBe(1)
  await store.refuse('1')
  depot.says = {}
  await outbox().send('D-1')
  expect(depot.taken.map((s) => s.id)).toEqual(['2', '4', '1'])
})

test('trouble with one booking holds what follows for it alone', async () => {
  await make('1', 'A')
  await make('2', 'A')
  await make('3', 'B')
  depot.says = { A: { kind: 'trouble' } }
  expect(await outbox().send('D-1')).toBe('trouble')
  expect([depot.heard, depot.taken.map((s) => s.id)]).toEqual([['1', '3'], ['3']])
})

test('what another driver made on this phone is not sent in this one’s name', async () => {
  await make('1', 'A', undefined, 'D-2')
  await make('2', 'B')
  expect(await outbox().send('D-1')).toBe('ok')
  expect([depot.taken.map((s) => s.id), store.steps.map((s) => s.id)]).toEqual([['2'], ['1']])
})
