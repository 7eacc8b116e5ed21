// What will be asked for, from a depot that knows nothing yet to one with two weeks behind it: nothing here is faked but the time that
// those weeks would take.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

const [HOUR, DAY, WEEKS] = [3_600_000, 86_400_000, 14]
/** The depot looks every half minute what prices are to follow. */
const LOOK = 60_000
let page
const on = stage(fresh, async (on) => {
  page = on.page
  await on.setUp('ada')
})
const { go, press, choose, call } = on

const part = (name) => page.getByRole('group', { name: 'Part' }).getByRole('button', { name, exact: true }).click()
const measure = (name) => page.getByRole('group', { name: 'Measure' }).getByRole('button', { name, exact: true }).click()
const slider = () => page.getByRole('slider', { name: 'Hour', exact: true })
/** Until the picture of the hour is there that is so many hours from now. */
const shows = (steps) => page.locator(`[data-shown="${steps}"]`).waitFor()
const asTable = () => press('View as table: Demand by cell')
const table = () => page.getByRole('region', { name: 'Demand by cell: table' })
/** The present hour, so many hours on. */
const hour = (steps) => Math.floor(Date.now() / HOUR) * HOUR + steps * HOUR
/** So many hours from now it is the time of day that is busy. */
const busy = 9

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

/** As if the bookings had been made two weeks ago, for times that are past. */
function age() {
  const later = `update bookings set status = 'expired', pickup_at = pickup_at - ${WEEKS * DAY}, created_at = created_at - ${WEEKS * DAY} where customer = 'Bakery'`
  execFileSync('python3', ['-c', 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=20); db.execute(sys.argv[2]); db.commit()', on.depot.db, later])
}

test('without a forecast it says what makes one', async () => {
  await go('Prices')
  const parts = () => page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\/Demand-[^/]*\.js$/.test(r.name)).length)
  assert.equal(await parts(), 0)
  await part('Demand')
  await page.locator('[data-no-forecast]').getByRole('link', { name: 'look at the Schedule' }).waitFor()
  await page.locator('[data-no-cell]').getByText('Nothing anywhere in this hour').waitFor()
  assert.equal(await parts(), 1)
  assert.equal(await page.locator('[data-staffing]').count(), 0)
  await sound('no demand')
})

test('what is asked for is on the map and in a table', async () => {
  const order = (lat, lon) => ({ pickup: { lat, lon }, dropoff: { lat: 42.6, lon: 1.6 }, customer: 'Market' })
  for (const [lat, lon] of [[42.5, 1.5], [42.5, 1.5], [42.55, 1.55]]) await call('POST', '/bookings', order(lat, lon))
  await page.reload()
  await page.getByRole('button', { name: 'Requests', pressed: true }).waitFor()
  await shows(0)
  await page.locator('.map:not([data-layer="loading"])').waitFor()
  await sound('requests on the map')
  await asTable()
  const rows = table().locator('tbody tr')
  assert.equal(await rows.count(), 2)
  await table().getByRole('button', { name: 'Requests', exact: true }).click()
  assert.deepEqual(await rows.locator('td:nth-child(3)').allTextContents(), ['2', '1'])
  await table().getByRole('button', { name: /^Requests/ }).click()
  assert.deepEqual(await rows.locator('td:nth-child(3)').allTextContents(), ['1', '2'])
  await sound('requests as a table')
})

test('a cell is chosen by keys, and on the map', async () => {
  const cell = await table().locator('tbody tr').last().getAttribute('data-key')
  await table().getByRole('button', { name: cell }).press('Enter')
  const detail = page.locator(`[data-cell="${cell}"]`)
  await detail.getByText('Waiting now').waitFor()
  assert.equal(new URL(page.url()).searchParams.get('cell'), cell)
  await asTable()
  await shows(0)
  await sound('a cell')
  await press('Close the cell')
  await detail.waitFor({ state: 'detached' })
  const map = page.locator('.map:not([data-layer="loading"])')
  await map.scrollIntoViewIfNeeded()
  const { x, y, width, height } = await map.boundingBox()
  const none = async () => (await page.locator('[data-cell]').count()) === 0
  // All cells are in sight; none is smaller than this mesh.
  for (let row = 1; row < 10; row++) for (let column = 1; column < 16 && (await none()); column++) await page.mouse.click(x + (width * column) / 18, y + (height * row) / 10)
  await page.locator('[data-cell]').getByText('Waiting now').waitFor()
  await press('Close the cell')
})

test('the slider goes from a day ago to a week ahead, by keys too', async () => {
  for (const [key, steps] of [['ArrowRight', 1], ['PageUp', 25], ['End', 168], ['ArrowRight', 168], ['PageDown', 144], ['Home', -24]]) {
    await slider().press(key)
    await shows(steps)
    assert.equal(await slider().inputValue(), String(steps))
  }
  assert.match(await slider().getAttribute('aria-valuetext'), /^\w{3} \d+ \w{3}, \d\d:00 – \d\d:00, 1 d ago$/)
  await page.waitForFunction((at) => new URL(location.href).searchParams.get('at') === at, new Date(hour(-24)).toISOString())
  await page.reload()
  await shows(-24)
  await sound('an hour of yesterday')
  await measure('Free minus waiting')
  await page.getByText('Free minus waiting is known of the present hour only.').waitFor()
  await press('Show the present hour')
  await shows(0)
  await page.waitForFunction(() => !new URL(location.href).searchParams.has('at'))
  await sound('free minus waiting')
})

test('the hours play one after the other until they are stopped', async () => {
  await press('Play')
  await page.locator('[data-hour="2"]').waitFor()
  await press('Pause')
  await press('An hour earlier')
  await press('Now')
  await shows(0)
})

test('two weeks of bookings teach what to expect, and how sure that is', async () => {
  const lines = Array.from({ length: WEEKS }, (_, day) => Array.from({ length: 8 }, (_, n) => [42.5, 1.5, 42.6, 1.6, 'Bakery', new Date(hour(busy) + day * DAY + n * 300_000).toISOString()].join(',')))
  const csv = ['pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,customer,pickup_at', ...lines.flat()].join('\n')
  await call('POST', '/bookings/import', csv, { 'content-type': 'text/csv' })
  age()
  const { items } = await call('GET', '/schedules')
  await go('Schedule')
  await press(`Run now: ${items.find((s) => s.kind === 'forecast').name}`)
  await page.locator('[data-schedule="Forecast"] [data-result="ok"]').waitFor()
  await go('Prices')
  await part('Demand')
  await page.getByRole('button', { name: 'Expected requests', pressed: true }).waitFor()
  await slider().fill(String(busy))
  await shows(busy)
  await asTable()
  await table().getByRole('rowheader').getByRole('button').first().click()
  await page.locator('[data-cell]').getByText(/^\d+(\.\d)?, 4 of 5 times between \d+ and \d+$/).waitFor()
  await sound('a cell with its interval')
  await asTable()
  await shows(busy)
  await sound('what is expected')
  await choose('Cells of', '5')
  await page.locator('[data-cell]').waitFor({ state: 'detached' })
  await asTable()
  assert.equal(await table().getByRole('columnheader', { name: 'Low' }).count(), 0)
  await choose('Cells of', '')
  await table().getByRole('columnheader', { name: 'Low' }).waitFor()
  await asTable()
})

test('it tells where drivers are too few', async () => {
  await page.locator('[data-unplanned]').getByRole('link', { name: 'Drivers' }).waitFor()
  await sound('no shift')
  const ana = await call('POST', '/drivers', { name: 'Ana' })
  const at = (steps) => new Date(hour(steps)).toISOString()
  await call('POST', '/shifts', { driver_id: ana.id, from: at(busy - 2), until: at(busy + 2) })
  await page.reload()
  const short = page.locator('[data-shortage]')
  await short.first().waitFor()
  assert.match(await short.first().innerText(), / h: (up to )?\d+ drivers? short$/)
  await press('View as table: Drivers')
  assert.equal(await page.getByRole('region', { name: 'Drivers: table' }).locator('tbody tr').count(), 168)
  await sound('the drivers that are needed')
  await press('View as table: Drivers')
})

test('it tells how good the forecasts were, and where to wait', async () => {
  await page.locator('[data-accuracy="0"]').getByText('No hour of the last 4 weeks had been forecast.').waitFor()
  await page.locator('[data-advice="0"]').getByRole('link', { name: 'settings' }).waitFor()
})

test('prices that follow demand say why, and between which bounds', async () => {
  await press('Now')
  await measure('Surge factor')
  await page.getByText('Prices do not follow demand: the tariff says so.').waitFor()
  await sound('no surge')
  await call('POST', '/tariffs', { tariff: { name: 'Busy', currency: 'EUR', rates: { base_minor: 500 }, surge: { on: true, floor_per_mille: 1000, cap_per_mille: 1500, step_per_mille: 100 } } })
  for (const until = Date.now() + LOOK; !(await call('GET', '/demand')).items.some((c) => c.surge) && Date.now() < until; ) await page.waitForTimeout(1000)
  await page.reload()
  await shows(0)
  await asTable()
  await table().getByText(/^×1/).first().waitFor()
  await table().getByRole('rowheader').getByRole('button').first().click()
  await page.locator('[data-surge=""]').getByText(/requests?.* vehicles? here/).waitFor()
  await page.locator('[data-surge=""]').getByText('by a factor from 1 to 1.5, in steps of 0.1').waitFor()
  await sound('the reasons of prices')
  await page.locator('[data-cell]').getByRole('link', { name: 'Version 1 of the tariff' }).click()
  await page.locator('[data-tariff="1"]').waitFor()
})

quiet(on)
