// The API's reference pages, served without the internet.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fits, NARROW, open, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'

let depot, browser, page

before(async () => {
  depot = await fresh()
  browser = await open(depot.origin)
  page = browser.page
})
after(async () => {
  await browser?.close()
  await depot?.stop()
})

test('Swagger UI describes the API and asks it', async () => {
  await page.goto(`${depot.origin}/docs`)
  const session = page.locator('.opblock-get', { has: page.locator('[data-path="/api/v1/session"]') })
  await session.locator('.opblock-summary-control').click()
  await session.getByRole('button', { name: 'Try it out' }).click()
  await session.getByRole('button', { name: 'Execute' }).click()
  await session.locator('.live-responses-table .response-col_status').getByText('200').waitFor()
  await page.setViewportSize(NARROW)
  await fits(page, '/docs')
  await page.setViewportSize(WIDE)
})

test('ReDoc describes the API and finds in it', async () => {
  await page.goto(`${depot.origin}/redoc`)
  await page.getByRole('heading', { name: 'Place a booking.' }).waitFor()
  await page.getByPlaceholder('Search...').fill('basemap')
  await page.locator('[data-role="search:results"]').getByText('The streets under the map', { exact: false }).waitFor()
  await page.setViewportSize(NARROW)
  await fits(page, '/redoc')
})

test('nothing failed and nobody else was asked', () => assert.deepEqual(browser.faults, []))
