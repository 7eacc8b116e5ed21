// Days with and without a line to head office, as the console shows them: depot, browser and receiver are real.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { receiver } from './receiver.mjs'
import { quiet, stage } from './stage.mjs'

const office = await receiver()
after(() => office.stop())
const settings = (retry_ms) => `
[upstream]
depot = "lyon-1"
live_s = 1
retry_ms = ${retry_ms}
retry_most_s = ${Math.ceil(retry_ms / 1000)}

[[upstream.sinks]]
name = "office"
url = "${office.url}"
`
const QUICK = settings(300)
/** So slow that whoever waits for the next attempt has waited too long. */
const SLOW = settings(60_000)

let page
const on = stage(() => fresh(QUICK), async (on) => {
  page = on.page
  await on.setUp('ada')
  for (let n = 0; n < 3; n++) await book()
})
const { go, press, call, enter } = on

const book = () => on.call('POST', '/bookings', { pickup: { lat: 42.5, lon: 1.5 }, dropoff: { lat: 42.6, lon: 1.6 } })
const banner = (tone) => page.locator(`[data-line-banner="${tone}"]`)
const sink = () => page.locator('[data-sink="office"]')
const mode = (name) => page.locator(`[data-sink="office"][data-mode="${name}"]`).waitFor()
const spoken = (said) => page.locator('[data-spoken]', { hasText: said }).waitFor({ state: 'attached' })
const none = (tone) => banner(tone).waitFor({ state: 'detached' })
/** Until nothing waits in any lane. */
const drained = () => page.waitForFunction(() => {
  const lanes = [...document.querySelectorAll('[data-lane]')]
  return lanes.length === 4 && lanes.every((lane) => lane.dataset.backlog === '0')
})

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  // The lanes are told otherwise there.
  if (await sink().count()) await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

test('without a line every screen says that the depot works locally, and how much waits', async () => {
  await banner('amber').getByText('Working locally: head office cannot be reached since').waitFor()
  await spoken('Working locally')
  const { queued } = await call('GET', '/sync')
  assert.ok(queued >= 3, `${queued} records wait`)
  await banner('amber').getByText(/\d+ records queued, the oldest \d+ s old/).waitFor()
  await page.locator('header').getByText(/upstream offline .*, \d+ queued/).waitFor()
  for (const screen of ['Bookings', 'Drivers', 'Schedule', 'Prices', 'Analytics', 'Vehicles', 'Access', 'Live']) {
    await go(screen)
    await banner('amber').waitFor()
    await sound(`${screen} without a line`)
  }
})

test('the figures of the banner are those of the depot', async () => {
  await page.waitForFunction(async () => {
    const told = /(\d+) records? queued/.exec(document.querySelector('[data-line-banner]')?.textContent ?? '')?.[1]
    const { queued } = await (await fetch('/api/v1/sync')).json()
    return Number(told) === queued
  })
})

test('the screen says why, and when it is tried again', async () => {
  await banner('amber').getByRole('link').click()
  await page.getByRole('heading', { name: 'Sync', exact: true }).waitFor()
  await page.getByText('lyon-1', { exact: true }).waitFor()
  await mode('offline')
  await sink().getByText('The connection breaks off.').waitFor()
  await sink().getByText(/Tried \d+ times? in vain/).waitFor()
  const lane = sink().locator('[data-lane="bookings"]')
  assert.ok(Number(await lane.getAttribute('data-backlog')) >= 3)
  await sound('the screen without a line')
})

test('who may only see is told so, and cannot pause it', async () => {
  await call('POST', '/users', { name: 'vera', role: 'viewer', password: on.password })
  await press('Sign out')
  await enter('vera', on.password, 'Sign in')
  await banner('amber').waitFor()
  await go('Sync')
  await page.getByText('Only an administrator may pause it', { exact: false }).waitFor()
  for (const name of ['Pause office', 'Send now: office', 'Compare office']) assert.ok(await page.getByRole('button', { name }).isDisabled(), name)
  await sound('the screen of a viewer')
  for (const act of ['pause', 'resume', 'flush', 'verify']) {
    const answer = await page.request.post(`${on.origin}/api/v1/sync/office/${act}`, { headers: { origin: on.origin } })
    assert.equal(answer.status(), 403, act)
  }
  await press('Sign out')
  await enter('ada', on.password, 'Sign in')
})

test('the line comes up, everything goes, and the banner with it', async () => {
  await go('Sync')
  office.up()
  await mode('live')
  await drained()
  await none('amber')
  await spoken('works again')
  await page.locator('header').getByText('upstream ok').waitFor()
  assert.ok(office.held('bookings').size >= 3)
  await sound('the screen of a line that is live')
})

test('a pause holds back what is new, and says who paused it', async () => {
  const before = office.held('bookings').size
  await press('Pause office')
  await mode('paused')
  await sink().getByText('by ada', { exact: false }).waitFor()
  await banner('quiet').getByText('paused by ada', { exact: false }).waitFor()
  assert.equal(await banner('amber').count(), 0)
  await book()
  await page.waitForFunction(() => Number(document.querySelector('[data-lane="bookings"]').dataset.backlog) > 0)
  await sound('a paused line')
  assert.equal(office.held('bookings').size, before, 'nothing went while it was paused')
  await press('Resume office')
  await mode('live')
  await drained()
  await none('quiet')
  assert.ok(office.held('bookings').size > before)
})

test('a comparison finds both equal, then names what was lost and what was changed', async () => {
  const digests = office.held('bookings')
  await press('Compare office')
  await page.locator('[data-compared="equal"]').getByText('Equal.').waitFor()
  await sound('a comparison without a difference')
  const [lost, changed] = [...digests.keys()].slice(-2)
  digests.delete(lost)
  digests.set(changed, '00'.repeat(32))
  await press('Compare office')
  await page.locator('[data-compared="differs"]').waitFor()
  await page.locator('[data-differs="missing"]').getByText(String(lost), { exact: true }).waitFor()
  await page.locator('[data-differs="changed"]').getByText(String(changed), { exact: true }).waitFor()
  await sound('a comparison with differences')
})

test('without the box nothing is written, and it goes on by itself', async () => {
  await page.keyboard.press('g')
  await page.keyboard.press('y')
  office.down()
  await on.depot.cut()
  await page.getByRole('alert').getByText('The browser cannot reach the box').waitFor()
  assert.equal(await banner('amber').count(), 0, 'what the depot said before is not told as now')
  await press('Pause office')
  await page.getByText('The depot cannot be reached, so nothing can be changed now.').waitFor()
  await sound('without the box')
  await on.depot.again(SLOW)
  await page.getByText('box ok').waitFor()
  await page.getByText('The browser cannot reach the box').waitFor({ state: 'detached' })
  // The browser tells of every attempt on its own.
  for (const fault of on.faults.splice(0)) assert.match(fault, /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED/)
})

test('what waits for the next attempt is sent at once when that is asked for', async () => {
  await banner('amber').waitFor()
  await book()
  office.up()
  await press('Send now: office')
  await mode('live')
  await drained()
  await none('amber')
})

quiet(on)
