import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Poll } from './poll'

let page: EventTarget & { hidden: boolean }
beforeEach(() => {
  vi.useFakeTimers()
  page = Object.assign(new EventTarget(), { hidden: false })
  vi.stubGlobal('document', page)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function hide(hidden: boolean) {
  page.hidden = hidden
  page.dispatchEvent(new Event('visibilitychange'))
}

test('asks now, then at its pace, and more seldom while nobody answers', async () => {
  let answers = true
  const asked: number[] = []
  const begun = Date.now()
  const poll = new Poll(async () => (asked.push(Date.now() - begun), answers), 10, 50)
  await vi.advanceTimersByTimeAsync(25)
  expect(asked).toEqual([0, 10, 20])
  answers = false
  await vi.advanceTimersByTimeAsync(180)
  expect(asked.slice(3)).toEqual([30, 50, 90, 140, 190])
  answers = true
  poll.hurry()
  await vi.advanceTimersByTimeAsync(10)
  expect(asked.slice(8)).toEqual([205, 215])
  poll.stop()
  await vi.advanceTimersByTimeAsync(1000)
  expect(asked.length).toBe(10)
})

test('is silent while the page is hidden, and asks when it is seen again', async () => {
  let asked = 0
  const poll = new Poll(async () => (asked++, true), 10)
  await vi.advanceTimersByTimeAsync(0)
  hide(true)
  await vi.advanceTimersByTimeAsync(100)
  expect(asked).toBe(1)
  hide(false)
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toBe(2)
  poll.stop()
})

test('never asks twice at once', async () => {
  let [asked, answer] = [0, () => {}]
  const poll = new Poll(() => new Promise((done) => (asked++, (answer = () => done(true)))), 10)
  poll.hurry()
  await vi.advanceTimersByTimeAsync(100)
  expect(asked).toBe(1)
  // Who was in a hurry meanwhile does not wait for the next round.
  answer()
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toBe(2)
  answer()
  await vi.advanceTimersByTimeAsync(9)
  expect(asked).toBe(2)
  poll.stop()
})
