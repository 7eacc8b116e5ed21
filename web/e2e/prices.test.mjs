// What trips cost, from the first version of a tariff to the bill of a booking: nothing here is faked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

let page
const on = stage(fresh, async (on) => {
  page = on.page
  await on.setUp('ada')
  for (const customer of ['Bakery', 'Market']) await on.call('POST', '/bookings', { ...TRIP, customer })
})
const { go, press, fill, choose, call, enter } = on

const TRIP = { pickup: { lat: 42.5, lon: 1.5 }, dropoff: { lat: 42.6, lon: 1.6 } }
/** Around the pickup. */
const SQUARE = { type: 'Polygon', coordinates: [[[1.45, 42.45], [1.55, 42.45], [1.55, 42.55], [1.45, 42.55], [1.45, 42.45]]] }
/** A day from now, as the depot's clocks show it. */
const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
const part = (name) => page.getByRole('group', { name: 'Part' }).getByRole('button', { name, exact: true }).click()
const way = (name) => page.getByRole('group', { name: 'Edit as' }).getByRole('button', { name, exact: true }).click()
const alert = (text) => page.getByRole('alert').getByText(text).first().waitFor()
const text = async (selector) => (await page.locator(selector).innerText()).trim()
/** Presses a button that asks whether one is sure. */
async function surely(verb, name) {
  await press(`${verb} ${name}`)
  await press(`Yes, ${verb.toLowerCase()} ${name}`)
}
/** What was refused was told to the browser too. */
const told = (status) => assert.match(on.faults.splice(0).join('\n'), new RegExp(`^Failed to load resource: .* ${status}`))

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

test('a depot begins with the flat tariff of its settings', async () => {
  const parts = () => page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\/Prices-[^/]*\.js$/.test(r.name)).length)
  assert.equal(await parts(), 0)
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  await page.getByRole('heading', { name: 'Prices', exact: true }).waitFor()
  assert.equal(await parts(), 1)
  await page.locator('[data-tariff="0"]').getByRole('link', { name: 'settings' }).waitFor()
  await page.locator('[data-version="0"][data-state="in_effect"]').waitFor()
  await sound('the flat tariff')
  for (const [name, empty] of [['Zones', 'No zone yet'], ['Contracts', 'No contract yet'], ['Promo codes', 'No promo code yet']]) {
    await part(name)
    await page.getByText(empty).waitFor()
    await sound(`${name}, none yet`)
  }
  await part('Tariff')
})

test('a version is made by the form, with a surcharge for the night', async () => {
  await press('New version')
  await press('Publish')
  // Without a name it is not sent.
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'tariff-name')
  await fill('Name', 'Summer')
  await fill('Base (EUR)', '50')
  await fill('Per km (EUR)', '1,2.0')
  await page.getByText('A number like 12.50 is wanted.').waitFor()
  await press('Dry run')
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'tariff-km')
  await fill('Per km (EUR)', '1,20')
  await press('Add a surcharge')
  const night = page.getByRole('listitem', { name: 'Surcharge 1' })
  await night.getByLabel('What customers read').fill('Night')
  await night.getByLabel('From', { exact: true }).fill('22:00')
  await night.getByLabel('Until', { exact: true }).fill('06:00')
  await night.getByLabel('How much (%)').fill('25')
  await page.getByLabel('There is a tax').check()
  await fill('Its name', 'VAT')
  await fill('Its rate (%)', '20')
  await fill('Another class', 'van')
  await press('Add class')
  await page.locator('#class-0-base').fill('60')
  await sound('a version that is being made')
})

test('a dry run says who would pay what', async () => {
  await press('Dry run')
  await page.getByText('No booking in this time').waitFor()
  await page.locator('#dry-run-days').selectOption('own')
  await fill('First day', inDays(-1))
  await fill('Last day', inDays(1))
  await press('Dry run')
  await page.locator('[data-dry-run="2"]').getByText(/^Of 2 bookings 2 would cost more, 0 less and 0 the same/).waitFor()
  const table = page.getByRole('region', { name: 'Who would pay what: table' })
  for (const name of ['All bookings', 'No class', 'Bakery', 'Market']) await table.getByRole('cell', { name, exact: true }).waitFor()
  assert.equal(await page.locator('[data-change]').count(), 2)
  await sound('a dry run')
  await page.locator('#tariff-base').fill('51')
  await page.getByText('Changed since: try it again.').waitFor()
  await page.locator('#tariff-base').fill('50')
  await page.getByText('Changed since: try it again.').waitFor({ state: 'detached' })
})

test('the whole document is there too, with what is wrong at its line', async () => {
  await way('JSON')
  const document = page.getByLabel('The whole document')
  const sane = await document.inputValue()
  const tariff = JSON.parse(sane)
  assert.deepEqual(tariff.surcharges, { night: { label: 'Night', from: '22:00', until: '06:00', percent_bp: 2500 } })
  assert.equal(tariff.rates.per_km_minor, 120)
  await document.fill(sane.replace('"base_minor": 5000', '"base_minor": -5'))
  await press('Dry run')
  await alert('must be within 0 to')
  const at = sane.split('\n').findIndex((line) => line.includes('"base_minor": 5000')) + 1
  await press(`Line ${at}`)
  assert.match(await document.evaluate((e) => e.value.slice(e.selectionStart, e.selectionEnd)), /"base_minor": -5/)
  await sound('a fault at its line')
  told(422)
  await document.fill('{')
  await way('Form')
  await alert('This is no JSON')
  // What the form does not know stays.
  await document.fill(JSON.stringify({ ...tariff, classes: { van: { ...tariff.classes.van, surcharges: { late: { label: 'Late', from: '20:00', amount_minor: 300 } } } } }))
  await way('Form')
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Summer')
})

test('it is published and read as people read a tariff', async () => {
  await press('Publish')
  await page.getByText('Version 1 of the tariff is published').waitFor()
  await page.locator('[data-version="1"][data-state="in_effect"]').waitFor()
  const shown = page.locator('[data-tariff="1"]')
  await shown.locator('[data-surcharge="night"]').getByText('Night +25 %').waitFor()
  await shown.locator('[data-surcharge="night"]').getByText('every day, 22:00 – 06:00 of the next day').waitFor()
  await shown.locator('[data-surcharge="late"]').getByText('class van').waitFor()
  await shown.getByText('VAT 20 %, in all amounts already').waitFor()
  await shown.getByRole('cell', { name: 'class van' }).waitFor()
  assert.equal((await call('GET', '/tariffs/current')).tariff.classes.van.rates.base_minor, 6000)
  await page.locator('[data-version="0"][data-state="past"]').waitFor()
  await sound('a version')
})

test('a version that is to come can be withdrawn', async () => {
  await press('New version')
  await fill('Name', 'Later')
  await page.locator('#tariff-start').selectOption('later')
  await page.locator('#tariff-starts-at').fill('2099-01-01T00:00')
  await press('Publish')
  await page.locator('[data-version="2"][data-state="coming"]').waitFor()
  await surely('Withdraw', 'version 2')
  await page.locator('[data-version="2"][data-state="withdrawn"]').waitFor()
  await page.locator('[data-version="1"]').getByRole('link').click()
  await page.locator('[data-tariff="1"]').waitFor()
  assert.equal(new URL(page.url()).searchParams.get('version'), '1')
})

test('a zone is pasted as GeoJSON', async () => {
  await part('Zones')
  await press('New zone')
  await fill('Id', 'centre')
  await fill('Name', 'Centre')
  await fill('Area as GeoJSON', '{"type":"Point","coordinates":[1,2]}')
  await page.getByText('A GeoJSON Polygon or MultiPolygon is wanted', { exact: false }).waitFor()
  await press('Add zone')
  assert.equal(await page.locator('[data-zone]').count(), 0)
  const open = { ...SQUARE, coordinates: [SQUARE.coordinates[0].slice(0, -1)] }
  await fill('Area as GeoJSON', JSON.stringify(open))
  await press('Add zone')
  await page.getByText('its last point must be its first', { exact: false }).waitFor()
  told(422)
  await sound('a zone that is being made')
  await fill('Area as GeoJSON', JSON.stringify({ type: 'Feature', properties: {}, geometry: SQUARE }))
  await press('Add zone')
  await page.locator('[data-zone="centre"]').waitFor()
  assert.deepEqual((await call('GET', '/zones/centre')).area, SQUARE)
  await sound('zones')
})

test('another is drawn on the map', async () => {
  await press('New zone')
  await fill('Id', 'drawn')
  await fill('Name', 'Drawn')
  await press('Draw on the map')
  const map = page.locator('.map:not([data-layer="loading"])')
  await map.scrollIntoViewIfNeeded()
  const box = await map.boundingBox()
  const corners = [[0.3, 0.3], [0.6, 0.3], [0.6, 0.6], [0.4, 0.7]]
  for (const [i, [x, y]] of corners.entries()) {
    await page.mouse.click(box.x + box.width * x, box.y + box.height * y)
    await page.getByText(i < 2 ? `${i + 1} so far` : `${i + 1} corners`, { exact: false }).waitFor()
  }
  await press('Take back the last point')
  await page.getByText('3 corners', { exact: false }).waitFor()
  await sound('a zone that is being drawn')
  await press('Close the area')
  const area = JSON.parse(await page.getByLabel('Area as GeoJSON').inputValue())
  assert.equal(area.coordinates[0].length, 4)
  await press('Add zone')
  await page.locator('[data-zone="drawn"]').waitFor()
})

test('whoever changes a zone that was changed meanwhile is told so', async () => {
  await press('Edit zone drawn')
  const { id, name, area } = await call('GET', '/zones/drawn')
  await call('PUT', '/zones/drawn', { id, name, area, priority: 3 })
  await fill('Name', 'Mine')
  await press('Save')
  await page.getByRole('alert').first().waitFor()
  told(412)
  await press('Close')
})

test('a contract takes something off for a customer, and holds on to the zone that it names', async () => {
  await part('Contracts')
  await press('New contract')
  await fill('Customer', 'Bakery')
  await fill('Label', 'Framework')
  await fill('Discount (%)', '10')
  await press('Add a fixed price')
  const fixed = page.getByRole('listitem', { name: 'Fixed price 1' })
  await fixed.getByLabel('From zone').fill('centre')
  await fixed.getByLabel('To zone').fill('centre')
  await fixed.getByLabel('Price (EUR)').fill('39')
  await sound('a contract that is being made')
  await press('Add contract')
  await page.locator('[data-document="Bakery"]').getByText('−10 %, 1 fixed price').waitFor()
  await sound('contracts')
  await part('Zones')
  await surely('Delete', 'zone centre')
  await alert('the contract of Bakery names the zone centre')
  told(409)
  await surely('Delete', 'zone drawn')
  await page.locator('[data-zone="drawn"]').waitFor({ state: 'detached' })
  await page.locator('[data-zone="centre"]').waitFor()
})

test('a promo code is added and changed', async () => {
  await part('Promo codes')
  await press('New promo code')
  await fill('Code', 'spring')
  await choose('It takes off', 'amount')
  await fill('How much (EUR)', '2')
  await sound('a code that is being made')
  await press('Add code')
  await page.locator('[data-document="SPRING"]').getByText(/2[.,]00/).waitFor()
  await press('Edit the code SPRING')
  await fill('How much (EUR)', '2.50')
  await fill('Uses in all', '5')
  await press('Save')
  await page.locator('[data-document="SPRING"]').getByText(/2[.,]50/).waitFor()
  await sound('codes')
})

test('a quote is itemised', async () => {
  await part('Quote')
  const place = async (label, where) => {
    await fill(label, where)
    await page.keyboard.press('Tab')
  }
  await place('A · Pickup (latitude, longitude)', '42.5, 1.5')
  await place('B · Drop-off (latitude, longitude)', '42.6, 1.6')
  await fill('Pickup time', `${inDays(1)}T23:00`)
  await fill('Customer', 'Bakery')
  await fill('Promo code', 'WINTER')
  await press('Ask for the price')
  await alert('is not a code of this depot')
  told(422)
  await fill('Promo code', 'spring')
  await press('Ask for the price')
  const quote = page.locator('[data-quote]')
  for (const kind of ['base', 'distance', 'surcharge', 'contract', 'promo', 'tax']) await quote.locator(`[data-line="${kind}"]`).waitFor()
  assert.equal(await text('[data-quote] [data-line="sum"] td'), await text('[data-quote] p strong'))
  await quote.getByText('version 1 of the tariff').waitFor()
  await quote.locator('p', { hasText: 'code SPRING' }).waitFor()
  await sound('a quote')
  await fill('Customer', 'Market')
  await page.getByText('Changed since: ask again.').waitFor()
})

test('a booking is made with the code, and its detail shows the bill', async () => {
  await go('Live')
  await press('New booking')
  for (const [label, where] of [['A · Pickup (latitude, longitude)', '42.5, 1.5'], ['B · Drop-off (latitude, longitude)', '42.6, 1.6']]) {
    await fill(label, where)
    await page.keyboard.press('Tab')
  }
  await page.locator('#kind').selectOption('at')
  await fill('Pickup time', `${inDays(1)}T23:00`)
  await fill('Customer', 'Bakery')
  await fill('Promo code', 'nothing')
  await alert('is not a code of this depot')
  on.faults.splice(0)
  await fill('Promo code', 'spring')
  await page.locator('[data-quote] [data-line="promo"]').waitFor()
  const price = await text('[data-quote] p strong')
  await sound('a new booking with its price')
  await press('Book')
  const bill = page.locator('aside [data-bill="1"]')
  for (const kind of ['surcharge', 'contract', 'promo']) await bill.locator(`[data-line="${kind}"]`).waitFor()
  assert.equal(await text('aside [data-bill] [data-line="sum"] td'), price)
  await bill.locator('p', { hasText: 'code SPRING' }).waitFor()
  await accessible(page, 'a booking with its bill')
})

test('on a phone the bill is shown when it is asked for', async () => {
  await page.setViewportSize(NARROW)
  await page.reload()
  const bill = page.locator('aside [data-bill="1"]')
  await bill.waitFor({ state: 'attached' })
  assert.equal(await bill.isVisible(), false)
  await page.getByText('What it is made of').click()
  await bill.waitFor()
  await accessible(page, 'a bill at 360 px')
  await fits(page, 'a bill')
  await page.setViewportSize(WIDE)
  await bill.getByRole('link', { name: 'version 1 of the tariff' }).click()
  await page.locator('[data-tariff="1"]').waitFor()
})

test('who may only see has nothing to press', async () => {
  await call('POST', '/users', { name: 'vera', role: 'viewer', password: on.password })
  await press('Sign out')
  await enter('vera', on.password, 'Sign in')
  await go('Prices')
  await page.getByText('An administrator publishes new versions.').waitFor()
  await part('Zones')
  await page.locator('[data-zone="centre"]').waitFor()
  await part('Promo codes')
  await page.locator('[data-document="SPRING"]').waitFor()
  for (const name of [/^New /, /^Edit/, /^Delete/, /^Withdraw/]) assert.equal(await page.getByRole('button', { name }).count(), 0, String(name))
  await sound('the screen of a viewer')
})

quiet(on)
