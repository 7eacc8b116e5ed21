// A working day in the console of a demo depot: nothing here is faked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { demo } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

/** A booking that is driven takes longer than a step of a page. */
const DRIVE = 120_000
let page
const on = stage(demo, async (on) => {
  page = on.page
  await page.goto(on.link)
})

const map = () => page.locator('.map:not([data-layer="loading"])')
const { go } = on

/** Two clicks on the map, and the price is there. */
async function place() {
  await page.getByText('Click the pickup on the map.').waitFor()
  const box = await map().boundingBox()
  await page.mouse.click(box.x + box.width * 0.45, box.y + box.height * 0.45)
  await page.getByText('Now click the drop-off on the map.').waitFor()
  await page.mouse.click(box.x + box.width * 0.55, box.y + box.height * 0.6)
  await page.locator('[data-quote]').waitFor()
}

test('a vehicle moves', async () => {
  const position = page.locator('[data-position]')
  // One that arrives just now stands still, so more than one may have to be looked at.
  for (let tries = 0; tries < 10; tries++) {
    await page.locator('[data-vehicle][data-status="en_route"]').first().click()
    const first = await position.textContent()
    const moved = page.waitForFunction((was) => (document.querySelector('[data-position]')?.textContent ?? was) !== was, first, { timeout: 4000 })
    if (await moved.then(() => true, () => false)) return
  }
  assert.fail('ten vehicles that are en route stand still')
})

test('the row of a vehicle tells what its detail tells', async () => {
  await page.waitForFunction(() => {
    const row = document.querySelector('[data-vehicle][aria-current="true"]')
    return row && row.getAttribute('data-status') === document.querySelector('aside [data-status]')?.getAttribute('data-status')
  })
  await accessible(page, 'a vehicle')
})

test('a booking made by two clicks on the map is delivered', async () => {
  await page.getByRole('button', { name: 'New booking' }).click()
  await place()
  await accessible(page, 'a new booking')
  await page.getByRole('button', { name: 'Book', exact: true }).click()
  await page.locator('.state[data-status="delivered"]').waitFor({ timeout: DRIVE })
  await page.getByRole('heading', { name: 'Why this driver' }).waitFor()
  await page.locator('.sentence').waitFor()
  await accessible(page, 'a booking')
})

test('every screen is accessible, in light and in dark', async () => {
  await page.keyboard.press('Escape')
  await page.locator('aside').waitFor({ state: 'detached' })
  await accessible(page, 'Live')
  for (const screen of ['Bookings', 'Vehicles', 'Access']) {
    await go(screen)
    await page.locator('tbody tr').first().waitFor()
    await accessible(page, screen)
  }
})

test('a device gets its credential once', async () => {
  await go('Vehicles')
  await page.getByRole('button', { name: 'Add device' }).click()
  await page.getByLabel('Device id').fill('tracker-1')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('MQTT password').waitFor()
  await accessible(page, 'a credential')
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('button', { name: 'Revoke tracker-1' }).waitFor()
})

test('360 px are enough', async () => {
  await page.setViewportSize(NARROW)
  for (const screen of ['Bookings', 'Vehicles', 'Access', 'Live']) {
    await go(screen)
    await fits(page, screen)
  }
  await page.locator('[data-vehicle]').first().click()
  await page.locator('[data-position]').waitFor()
  await fits(page, 'a vehicle')
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'List', exact: true }).click()
  await page.getByRole('button', { name: 'New booking' }).click()
  await place()
  await fits(page, 'a new booking')
  await page.getByRole('button', { name: 'Book', exact: true }).click()
  await page.getByRole('heading', { name: /^Why/ }).waitFor()
  await fits(page, 'a booking')
  await accessible(page, 'a booking at 360 px')
  await page.setViewportSize(WIDE)
})

quiet(on)
