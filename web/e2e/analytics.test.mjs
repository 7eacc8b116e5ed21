// What a manager asks of a day: figures, charts that are tables too, whom they are of, and reports. Nothing here is faked. The vehicles
// send no position, so that nobody but the test moves the bookings.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

let page
/** References of the bookings, as they are made: two of the bakery are delivered, the one of the market fails. */
const refs = []
const on = stage(fresh, async (on) => {
  page = on.page
  await on.setUp('ada')
})
const { go, press, call } = on

const tile = (name) => page.locator(`[data-tile="${name}"]`)
const value = (name) => tile(name).locator('[data-value]').first()
const row = (key) => page.locator(`[data-breakdown] tr[data-key="${key}"]`)
const by = (name) => page.getByRole('group', { name: 'Break down by' }).getByRole('button', { name, exact: true }).click()
const time = (name) => page.getByRole('group', { name: 'Time', exact: true }).getByRole('button', { name, exact: true }).click()
/** Until a tile shows this; what happened a moment ago is counted a moment later. */
const shows = (name, text) => value(name).and(page.getByText(text, { exact: true })).waitFor()
const today = () => new Date().toISOString().slice(0, 10)

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

/** A booking for at once that a vehicle takes, up to a step. */
async function work(customer, vehicle_id, steps) {
  const { id, ref } = await call('POST', '/bookings', { pickup: { lat: 42.5, lon: 1.5 }, dropoff: { lat: 42.6, lon: 1.6 }, customer })
  await call('POST', `/bookings/${id}/assign`, { vehicle_id, override: true, reason: 'it stands at the door' })
  for (const step of steps) await call('POST', `/bookings/${id}/steps`, { step })
  refs.push(ref)
  return id
}

test('what it takes is loaded when it is asked for', async () => {
  const parts = () => page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\/Analytics-[^/]*\.js$/.test(r.name)).length)
  assert.equal(await parts(), 0)
  await go('Analytics')
  await page.getByText('No booking in this time').waitFor()
  assert.equal(await parts(), 1)
  await page.getByText('Nothing stands out in this time.').waitFor()
  await sound('no figures')
})

test('bookings that are delivered and fail are in the figures', async () => {
  await go('Live')
  for (const id of ['van-1', 'van-2']) await call('POST', '/vehicles', { id, capacity_kg: 900 })
  const ana = await call('POST', '/drivers', { name: 'Ana' })
  await call('POST', `/drivers/${ana.id}/duty`, { on: true, vehicle_id: 'van-1' })
  for (let n = 0; n < 2; n++) await work('Bakery', 'van-1', ['arrived', 'picked_up', 'delivered'])
  const failed = await work('Market', 'van-2', ['arrived', 'picked_up'])
  await call('POST', `/bookings/${failed}/fail`, { reason: 'nobody at home' })
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.getByRole('heading', { name: 'Analytics', exact: true }).waitFor()
  await time('Last 7 days')
  await shows('bookings', '3')
  await tile('bookings').getByText('2 delivered, 1 failed').waitFor()
  await shows('served', '66.7 %')
  await shows('on_time', '100.0 %')
  assert.match(await value('revenue').textContent(), /\d/)
  await page.locator('[data-behind]').waitFor({ state: 'detached' })
  await page.locator('[data-chart="bookings"] canvas').waitFor()
  await sound('figures')
})

test('they are compared with the week before, in words', async () => {
  await tile('bookings').getByText('+3, more', { exact: true }).waitFor()
  await tile('on_time').getByText('nothing to compare with').waitFor()
  await tile('revenue').locator('[data-difference="better"]').waitFor()
  await page.locator('[data-period]').getByText('Compared with', { exact: false }).waitFor()
})

test('a chart is a table too, to be copied and taken away', async () => {
  await press('View as table: Bookings')
  const table = page.getByRole('region', { name: 'Bookings: table' })
  const last = table.getByRole('row').last()
  assert.deepEqual((await last.getByRole('cell').allTextContents()).slice(1), ['2', '3'])
  await sound('a chart as a table')
  const [download] = await Promise.all([page.waitForEvent('download'), press('Download CSV: Bookings')])
  assert.equal(download.suggestedFilename(), 'bookings.csv')
  const csv = await readFile(await download.path(), 'utf8')
  assert.match(csv, /^from,delivered,bookings\r\n/)
  assert.match(csv, new RegExp(`\r\n${today()}T00:00:00(\\.000)?Z,2,3\r\n$`))
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: on.origin })
  await press('Copy as CSV: Bookings')
  await page.getByText('Copied', { exact: true }).waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText().then((text) => text.replaceAll('\r', ''))), csv.replaceAll('\r', ''))
  await press('View as table: Bookings')
  await page.locator('[data-chart="bookings"] canvas').waitFor()
})

test('steps may be chosen', async () => {
  await page.getByLabel('Steps', { exact: true }).selectOption('hour')
  await press('View as table: Bookings')
  const table = page.getByRole('region', { name: 'Bookings: table' })
  await table.getByText(/^\d+ \w+ \d\d:00$/).first().waitFor()
  await press('View as table: Bookings')
  await page.getByLabel('Steps', { exact: true }).selectOption('')
})

test('they are broken down by vehicle, driver, customer, class and cell, and sorted', async () => {
  await row('van-1').getByRole('cell', { name: '2', exact: true }).first().waitFor()
  await row('van-2').waitFor()
  await by('Driver')
  await page.locator('[data-breakdown="driver"]').getByRole('link', { name: 'Ana', exact: true }).waitFor()
  for (const name of ['Class', 'Cell']) {
    await by(name)
    await page.locator(`[data-breakdown="${name.toLowerCase()}"] tr[data-key]`).first().waitFor()
    await sound(`by ${name}`)
  }
  await by('Customer')
  await row('Market').waitFor()
  const first = () => page.locator('[data-breakdown] tr[data-key]').first().getAttribute('data-key')
  assert.equal(await first(), 'Bakery')
  const heading = page.getByRole('columnheader', { name: /^Bookings/ })
  await heading.getByRole('button').click()
  await page.locator('th[aria-sort="descending"]').waitFor()
  await heading.getByRole('button').click()
  await page.locator('th[aria-sort="ascending"]').waitFor()
  assert.equal(await first(), 'Market')
  await sound('by customer')
})

test('a row narrows everything to it, in the address too, until that is removed', async () => {
  await row('Market').getByRole('link').click()
  await page.locator('[data-narrowed="customer:Market"]').getByText('customer Market').waitFor()
  assert.equal(new URL(page.url()).searchParams.get('of'), 'customer:Market')
  await shows('bookings', '1')
  await shows('served', '0.0 %')
  await tile('wait').getByText('for the whole depot only', { exact: false }).waitFor()
  await sound('figures of one customer')
  await page.reload()
  await shows('bookings', '1')
  await page.getByRole('link', { name: 'View the statement' }).click()
  await page.getByRole('heading', { name: 'Statement of Market' }).waitFor()
  await page.locator('[data-report]').getByText(refs[2], { exact: true }).waitFor()
  await sound('a statement')
  await page.getByRole('link', { name: 'Back to the figures' }).click()
  await page.getByRole('button', { name: /^Remove the narrowing/ }).click()
  await shows('bookings', '3')
  assert.equal(new URL(page.url()).searchParams.get('of'), null)
  await page.goBack()
  await shows('bookings', '1')
  await page.getByRole('button', { name: /^Remove the narrowing/ }).click()
})

test('another time has other figures', async () => {
  await time('Yesterday')
  await page.getByText('No booking in this time').waitFor()
  await time('Own dates')
  await page.getByLabel('Last day').fill('2020-01-01')
  await page.getByRole('alert').getByText('The last day is before the first', { exact: false }).waitFor()
  await sound('dates that are wrong')
  await page.getByLabel('Last day').fill(today())
  await shows('bookings', '3')
  await sound('own dates')
  await time('Today')
  await shows('bookings', '3')
  await tile('rate').getByText('Bookings an hour').waitFor()
})

test('each report is a page and a file', async () => {
  for (const [name, key] of [['Operations', 'day'], ['Drivers', 'driver_id'], ['Customers', 'customer'], ['Unserved demand', 'cell'], ['Devices', 'device_id']]) {
    const file = await page.getByRole('link', { name: `${name} as CSV` }).getAttribute('href')
    const answer = await page.request.get(`${on.origin}${file}`)
    assert.equal(answer.status(), 200, file)
    assert.match(await answer.text(), new RegExp(`^${key},`), file)
    await page.getByRole('link', { name: `View ${name}` }).click()
    // There is no device, and nothing to tell of none.
    const what = name === 'Devices' ? 'Nothing to report in this time' : /^(\d{4}-\d\d-\d\d|Ana|Bakery|\w{15})$/
    await page.locator('[data-report]').getByText(what).first().waitFor()
    await sound(`the report ${name}`)
    await page.getByRole('link', { name: 'Back to the figures' }).click()
  }
})

test('on paper there is what can be read, and nothing to press', async () => {
  await shows('bookings', '3')
  await page.emulateMedia({ media: 'print' })
  for (const part of ['header', 'nav', 'main button:not(thead button)', 'main select']) {
    assert.deepEqual(await page.locator(part).evaluateAll((all) => all.filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 120))), [], part)
  }
  // Nothing scrolls: what does not fit goes to the next page.
  assert.equal(await page.locator('.page').evaluate((e) => e.scrollHeight > e.clientHeight + 1), false)
  await page.emulateMedia({ media: null })
})

test('what happens today is seen at once, without asking again', async () => {
  const held = []
  await page.route('**/analytics/summary?*', (route) => void held.push(route))
  await work('Market', 'van-2', ['arrived'])
  await shows('bookings', '4')
  await page.unroute('**/analytics/summary?*')
  await Promise.all(held.map((route) => route.continue()))
})

quiet(on)
