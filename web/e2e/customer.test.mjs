// A customer's people: they see, quote, book and call off what is their own, and nothing else. Nothing here is faked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

const PLACES = { pickup: { lat: 42.5, lon: 1.5, address: 'Bakery, back door' }, dropoff: { lat: 42.6, lon: 1.6, address: 'Market 7' } }
let page, asked, asAdmin
const on = stage(fresh, async (on) => {
  page = on.page
  await on.setUp('ada')
  asAdmin = await on.as('ada')
  await on.call('POST', '/tariffs', { tariff: TARIFF })
  await on.call('POST', '/promos', { code: 'SPRING', percent_bp: 500 })
  await on.call('POST', '/bookings', { ...PLACES, customer: 'Market' })
})
const { go, press, fill, choose, call, enter } = on

const TARIFF = { name: 'Summer', currency: 'EUR', quote_minutes: 15, rates: { base_minor: 5000, per_km_minor: 120 } }
const text = async (selector) => (await page.locator(selector).innerText()).trim()
const row = (name) => page.locator(`tr:has-text("${name}")`)
/** What the browser tells of answers that say no; they were meant to. */
function told(...statuses) {
  const said = on.faults.splice(0)
  const wanted = new RegExp(`^Failed to load resource: .* (${statuses.join('|')}) `)
  assert.deepEqual(said.filter((s) => !wanted.test(s)), [])
}

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

test('an administrator gives a customer a user and a program', async () => {
  await go('Access')
  assert.equal(await page.getByLabel('Customer', { exact: true }).count(), 0)
  await fill('Name', 'eve')
  await page.locator('#user-role').selectOption('customer')
  await fill('Password', on.password)
  await press('Add user')
  // Without the customer's name it is not sent.
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'user-customer')
  assert.deepEqual(await page.locator('#user-customer-known option').evaluateAll((all) => all.map((o) => o.value)), ['Market'])
  await sound('a user of a customer that is being made')
  await page.locator('#user-customer').fill('Bakery')
  await press('Add user')
  await row('eve').getByText('of Bakery').waitFor()
  await fill('What it is for', 'shop')
  await page.locator('#token-role').selectOption('customer')
  await page.locator('#token-customer').fill('Bakery')
  await press('Make token')
  await page.getByRole('dialog').getByRole('button', { name: 'I have it' }).click()
  await row('shop').getByText('of Bakery').waitFor()
  await sound('Access with a customer')
})

test('a user who was staff becomes one of a customer', async () => {
  await call('POST', '/users', { name: 'bob', role: 'viewer', password: on.password })
  await page.reload()
  await page.getByLabel('Role of bob').selectOption('customer')
  await page.getByLabel('Customer of bob').fill('Market')
  await sound('a user who joins a customer')
  await press('Save')
  await row('bob').getByText('of Market').waitFor()
  await page.getByLabel('Role of bob').selectOption('driver')
  await row('bob').getByText('of Market').waitFor({ state: 'detached' })
})

test('a customer sees a shell of its own, and asks for nothing else', async () => {
  await press('Sign out')
  await page.getByText('Sign in to the depot').waitFor()
  asked = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  page.on('websocket', (socket) => asked.push(new URL(socket.url()).pathname))
  await enter('eve', on.password, 'Sign in')
  await page.getByText('No booking yet').waitFor()
  const screens = await page.getByRole('navigation', { name: 'Screens' }).getByRole('link').allInnerTexts()
  assert.deepEqual(screens, ['Bookings', 'New booking', 'Contract'])
  await sound('no booking yet')
  await go('Contract')
  await page.getByText('The depot’s usual prices hold for you').waitFor()
  await sound('no contract')
  told(404)
})

test('a booking is quoted line by line and placed', async () => {
  await go('New booking')
  await page.locator('.map:not([data-layer="loading"])').waitFor()
  for (const hidden of ['Customer', 'Priority']) assert.equal(await page.getByLabel(hidden, { exact: true }).count(), 0, hidden)
  assert.deepEqual(await page.locator('#kind option').allInnerTexts(), ['as soon as possible', 'at a time', 'in a window'])
  await sound('a new booking')
  const box = await page.locator('.map').boundingBox()
  await page.mouse.click(box.x + box.width * 0.45, box.y + box.height * 0.45)
  await page.getByText('Now click the drop-off on the map.').waitFor()
  await page.mouse.click(box.x + box.width * 0.55, box.y + box.height * 0.6)
  for (const [end, address] of [['pickup', 'Bakery, back door'], ['dropoff', 'Market 7']]) {
    await page.locator(`details:has(#${end}-address) summary`).click()
    await page.locator(`#${end}-address`).fill(address)
  }
  await page.getByText('Load, class, skills', { exact: false }).click()
  await page.getByLabel('Your reference').fill('PO 7')
  await fill('Promo code', 'WINTER')
  await page.locator('#promo-code-error').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Book', exact: true }).isDisabled())
  await fill('Promo code', 'SPRING')
  await page.locator('[data-quote] [data-line="promo"]').waitFor()
  assert.match(await text('[data-quote] p:has(strong)'), /holds for 1[45]:\d\d/)
  const price = await text('[data-quote] p strong')
  await sound('a quote')
  await press('Book')
  await page.getByRole('heading', { name: 'Where it is' }).waitFor()
  assert.equal(await text('.sum strong'), price)
  assert.equal(await text('[aria-current="step"] .name'), 'Booked')
  await page.locator('[data-bill] [data-line="promo"]').waitFor()
  await page.getByText('Bakery, back door').waitFor()
  await sound('a booking')
  told(422, 404)
})

test('a tracking link is made for whoever waits for it', async () => {
  await press('Make link')
  assert.match(await page.getByLabel('The link is shown this once').inputValue(), /\/track\//)
  await sound('a tracking link')
})

test('the list has its own bookings, open ones first, and can be searched', async () => {
  await press('‹ All bookings')
  await page.locator('table').first().waitFor()
  assert.equal(await page.locator('[data-booking]').count(), 1)
  await page.locator('[data-age]').getByText(/^as of/).waitFor()
  await sound('the list')
  await page.keyboard.press('/')
  await page.keyboard.type('nowhere')
  await page.getByText('No booking matches').waitFor()
  await sound('nothing found')
  await page.locator('#own-search').fill('back door')
  await page.locator('[data-booking]').waitFor()
  assert.equal(new URL(page.url()).searchParams.get('q'), 'back door')
})

test('a place of an earlier booking can be chosen', async () => {
  await page.keyboard.press('Escape')
  await page.locator('h1').click()
  await page.keyboard.press('n')
  await page.locator('#pickup-known').selectOption({ label: 'Market 7' })
  assert.notEqual(await page.locator('#pickup').inputValue(), '')
  assert.equal(await page.locator('#pickup-address').inputValue(), 'Market 7')
  await sound('an earlier place')
  await go('Bookings')
})

test('it is called off with a reason, and stands with the past ones', async () => {
  await page.locator('[data-booking] a').click()
  await press('Cancel the booking…')
  await page.locator('#act-reason').fill('changed our mind')
  await sound('a booking that is being cancelled')
  await press('Cancel the booking')
  await page.locator('.state[data-status="cancelled"]').waitFor()
  await page.getByText('Reason: changed our mind').waitFor()
  assert.equal(await page.getByRole('button', { name: /Cancel/ }).count(), 0)
  await sound('a booking that was cancelled')
  await press('‹ All bookings')
  await page.getByText('Nothing is open now.').waitFor()
  await page.getByRole('table', { name: 'Past' }).locator('[data-status="cancelled"]').waitFor()
  told(404)
})

test('an address of another customer’s booking shows nothing of it', async () => {
  const other = (await asAdmin('GET', '/bookings')).items.find((b) => b.customer === 'Market')
  await asAdmin('POST', '/contracts', { customer: 'Bakery', label: 'Framework', discount_bp: 1000, without_surge: true, classes: { van: { per_km_minor: 90 } }, valid_from: '2020-01-01' })
  await page.goto(`${on.origin}/bookings/${other.id}`)
  await page.getByRole('alert').waitFor()
  assert.equal(await page.getByText('Market 7').count(), 0)
  await sound('no booking of this customer')
  await page.goto(`${on.origin}/nothing`)
  await page.getByText('There is no page at').waitFor()
  await sound('no page')
  told(404, 403)
})

test('the contract is told in words', async () => {
  await go('Contract')
  await page.getByText('10 % less than the depot’s usual prices.').waitFor()
  await page.getByText('from 2020-01-01 on').waitFor()
  await page.getByText('Demand does not change your prices.').waitFor()
  await page.getByRole('cell', { name: 'class van' }).waitFor()
  await sound('a contract')
  await go('New booking')
  await page.getByText('Load, class, skills', { exact: false }).click()
  await choose('Class', 'van')
})

test('nothing that is staff’s was asked for', async () => {
  const paths = [...new Set(asked.filter((path) => path.startsWith('/api/')).map((path) => path.replace(/[0-9a-f-]{36}/, '{id}')))].sort()
  const allowed = ['/api/v1/basemap', '/api/v1/bookings', '/api/v1/bookings/{id}', '/api/v1/bookings/{id}/attachments', '/api/v1/bookings/{id}/cancel', '/api/v1/bookings/{id}/links', '/api/v1/contracts/Bakery', '/api/v1/quotes', '/api/v1/session']
  assert.deepEqual(paths, allowed)
  told(403, 404)
})

test('who is signed out meanwhile is asked to sign in', async () => {
  await go('Bookings')
  await page.locator('[data-booking]').waitFor()
  await page.context().clearCookies()
  await press('Refresh')
  await page.getByText('Sign in to the depot').waitFor()
  told(401)
})

quiet(on)
