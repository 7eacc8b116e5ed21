// The API's reference pages, served without the internet.
import { test } from 'node:test'
import { fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

let page
const on = stage(fresh, (on) => (page = on.page))

test('Swagger UI describes the API and asks it', async () => {
  await page.goto(`${on.origin}/docs`)
  const session = page.locator('.opblock-get', { has: page.locator('[data-path="/api/v1/session"]') })
  await page.locator('.opblock').first().waitFor()
  // A long description is drawn only as far as it is looked at.
  await page.mouse.move(400, 400)
  for (let n = 0; n < 200 && !(await session.count()); n++) {
    await page.mouse.wheel(0, 400)
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  }
  await session.locator('.opblock-summary-control').click()
  await session.getByRole('button', { name: 'Try it out' }).click()
  await session.getByRole('button', { name: 'Execute' }).click()
  await session.locator('.live-responses-table .response-col_status').getByText('200').waitFor()
  await page.setViewportSize(NARROW)
  await fits(page, '/docs')
  await page.setViewportSize(WIDE)
})

test('ReDoc describes the API and finds in it', async () => {
  await page.goto(`${on.origin}/redoc`)
  await page.getByRole('heading', { name: 'Place a booking.' }).waitFor()
  await page.getByPlaceholder('Search...').fill('basemap')
  await page.locator('[data-role="search:results"]').getByText('The streets under the map', { exact: false }).waitFor()
  await page.setViewportSize(NARROW)
  await fits(page, '/redoc')
})

quiet(on)
