// A shift in the office: drivers, schedules and files, on a demo depot.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, fits, NARROW, open, WIDE } from './browser.mjs'
import { demo } from './depot.mjs'

let depot, browser, page

before(async () => {
  depot = await demo()
  browser = await open(depot.origin)
  page = browser.page
  await page.goto(depot.link)
})
after(async () => {
  await browser?.close()
  await depot?.stop()
})

const go = (screen) => page.getByRole('link', { name: screen, exact: true }).click()
const press = (name) => page.getByRole('button', { name, exact: true }).click()

test('a schedule is previewed, run and paused', async () => {
  await go('Schedule')
  await press('New schedule')
  await page.getByLabel('Name', { exact: true }).fill('Night copy')
  await page.getByLabel('Cron rule').fill('30 2 * * *')
  await page.locator('[data-preview] li').nth(4).waitFor()
  await accessible(page, 'a new schedule')
  await press('Add schedule')
  await press('Run now: Night copy')
  await page.locator('[data-schedule="Night copy"] [data-result="ok"]').waitFor()
  await press('Pause Night copy')
  await page.getByText('Paused: it does not run by itself.').waitFor()
  await accessible(page, 'a schedule')
})

test('every bad line of a file is told', async () => {
  await go('Bookings')
  await press('Import CSV')
  const csv = 'pickup_lat,pickup_lon,dropoff_lat,dropoff_lon\n91,0,0,0\n'
  await page.getByLabel('CSV file').setInputFiles({ name: 'b.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  await page.locator('[data-bad]').getByText('Line 2').first().waitFor()
  await accessible(page, 'an import')
})

test('a driver is added', async () => {
  await go('Drivers')
  await press('New driver')
  await page.getByLabel('Name', { exact: true }).fill('Ana')
  await press('Add driver')
  await page.getByRole('heading', { name: /^Ana/ }).waitFor()
  await page.locator('[data-driver-status="off_duty"]').waitFor()
  await accessible(page, 'a driver')
  await page.setViewportSize(NARROW)
  await fits(page, 'a driver')
  await page.setViewportSize(WIDE)
})

test('nothing failed and nobody else was asked', () => assert.deepEqual(browser.faults, []))
