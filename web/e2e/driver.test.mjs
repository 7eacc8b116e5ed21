// A driver's day on the phone, some of it without a line: nothing here is faked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, fits } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

const PHONE = { width: 390, height: 780 }
const SMALL = { width: 320, height: 640 }
const TRIP = { pickup: { lat: 42.5, lon: 1.5, address: 'Bakery, back door', contact: { name: 'Ana', phone: '+376 123 456' } }, dropoff: { lat: 42.51, lon: 1.52, address: 'Market 7' }, notes: 'ring twice' }
let page, asAdmin
const on = stage(fresh, async (on) => {
  page = on.page
  await on.setUp('ada')
  asAdmin = await on.as('ada')
  await asAdmin('POST', '/tariffs', { tariff: { name: 'T', currency: 'EUR', rates: { base_minor: 900 }, proof: { signature: 'required', photo: 'required', barcode: 'off', pin: 'required' } } })
  await asAdmin('POST', '/vehicles', { id: 'van-1', class: 'van' })
  await asAdmin('POST', '/users', { name: 'ben', role: 'driver', password: on.password })
  await asAdmin('POST', '/drivers', { name: 'Ben', user: 'ben' })
  await page.context().clearCookies()
  await page.context().grantPermissions(['geolocation'], { origin: on.origin })
  await page.context().setGeolocation({ latitude: 42.49, longitude: 1.49, accuracy: 8 })
  await page.goto('about:blank')
  await page.setViewportSize(PHONE)
  on.faults.splice(0)
})
const { press, fill, enter } = on

const card = (booking) => page.locator(`[data-job="${booking.ref}"]`)
const offline = (off) => page.context().setOffline(off)
/** What the browser tells of a line that is not there; it was cut. */
function cut() {
  assert.deepEqual(on.faults.splice(0).filter((said) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED/.test(said)), [])
}
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(SMALL)
  await accessible(page, `${what}, 320 px`)
  await fits(page, what)
  await page.setViewportSize(PHONE)
}
async function job() {
  const booking = await asAdmin('POST', '/bookings', TRIP)
  return asAdmin('POST', `/bookings/${booking.id}/assign`, { vehicle_id: 'van-1', override: true, reason: 'it is the one' })
}
const status = async ({ id }) => (await asAdmin('GET', `/bookings/${id}`)).status
const kinds = async ({ id }) => (await asAdmin('GET', `/bookings/${id}/events`)).items.map((e) => e.kind)
/** Until the depot says so; a page's wait, for the depot is asked through it no faster than it can tell. */
async function until(what, wanted) {
  for (let tries = 0; tries < 60; tries++) {
    if ((await what()) === wanted) return
    await page.waitForTimeout(500)
  }
  assert.equal(await what(), wanted)
}
/** Holds a button as long as it takes. */
async function hold(name) {
  const button = page.getByRole('button', { name, exact: true })
  await button.scrollIntoViewIfNeeded()
  const box = await button.boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.waitForTimeout(900)
  await page.mouse.up()
}
async function sign() {
  const pad = page.getByLabel('Signature: draw it', { exact: false })
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  await page.mouse.move(box.x + 20, box.y + 30)
  await page.mouse.down()
  for (const [x, y] of [[60, 80], [90, 20], [150, 70]]) await page.mouse.move(box.x + x, box.y + y)
  await page.mouse.up()
}
/** A photo larger than the depot takes, as cameras make them. */
const photo = () =>
  page.evaluate(async () => {
    const canvas = new OffscreenCanvas(3000, 2000)
    const ink = canvas.getContext('2d')
    for (let i = 0; i < 4000; i++) {
      ink.fillStyle = `hsl(${(i * 47) % 360} 80% 50%)`
      ink.fillRect((i * 131) % 3000, (i * 71) % 2000, 90, 60)
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())
    return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
  }).then((text) => ({ name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from(text, 'base64') }))

let first

test('a driver signs in on a page of its own, which the phone keeps', async () => {
  await page.goto(`${on.origin}/driver`)
  await page.getByRole('heading', { name: 'Sign in as a driver' }).waitFor()
  await sound('a driver who is to sign in')
  await enter('ben', 'wrong password', 'Sign in')
  await page.getByRole('alert').waitFor()
  assert.match(on.faults.splice(0).join('\n'), / 401 /)
  await enter('ben', on.password, 'Sign in')
  await page.getByRole('heading', { name: 'Good day, Ben' }).waitFor()
  const manifest = await page.evaluate(async () => (await fetch(document.querySelector('link[rel="manifest"]').href)).json())
  assert.equal(manifest.start_url, '/driver')
  for (const { src } of manifest.icons) assert.equal((await page.request.get(`${on.origin}${src}`)).status(), 200, src)
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.goto(on.origin)
  await page.waitForURL(`${on.origin}/driver`)
  await page.getByRole('heading', { name: 'Good day, Ben' }).waitFor()
  await sound('off duty')
})

test('on duty it waits for work, and tells where it is when it may', async () => {
  await fill('Vehicle', 'nothing')
  await press('Go on duty')
  await page.getByRole('alert').waitFor()
  on.faults.splice(0)
  await page.locator('#free option[value="van-1"]').waitFor({ state: 'attached' })
  await fill('Vehicle', 'van-1')
  await press('Go on duty')
  await page.getByText('No job now').waitFor()
  await page.getByRole('switch', { name: 'Tell the depot where I am' }).check()
  await page.getByText(/^Last position/).waitFor()
  await sound('waiting')
})

test('the depot knows where the phone is', async () => {
  await until(async () => (await asAdmin('GET', '/vehicles/van-1')).last_fix?.lat.toFixed(3), '42.490')
})

test('a job is shown with its next stop, and only its next step', async () => {
  first = await job()
  await card(first).getByText('Bakery, back door').waitFor()
  assert.match(await page.getByRole('link', { name: 'Navigate' }).getAttribute('href'), /^geo:42\.5,1\.5\?q=/)
  assert.equal(await page.getByRole('link', { name: 'Call Ana' }).getAttribute('href'), 'tel:+376123456')
  assert.equal(await page.getByRole('button', { name: 'Delivered' }).count(), 0)
  await sound('a job')
  await press('I am at the pickup')
  await until(() => status(first), 'arrived')
})

test('what cannot be taken back is held, not tapped', async () => {
  await press('The load is on board')
  await page.getByText('Hold it until it is full.').waitFor()
  assert.equal(await status(first), 'arrived')
  await page.getByRole('button', { name: 'The load is on board' }).focus()
  await page.keyboard.down('Enter')
  await until(() => status(first), 'picked_up')
  await page.keyboard.up('Enter')
  await page.getByText('Market 7').first().waitFor()
})

test('a delivery made without a line is kept over a restart', async () => {
  const picture = await photo()
  await offline(true)
  await page.reload()
  await card(first).waitFor()
  assert.ok(await page.getByRole('button', { name: 'Delivered', exact: true }).isDisabled(), 'without what must be shown')
  await page.getByLabel('Photo').setInputFiles(picture)
  await page.getByRole('img', { name: 'Photo 1' }).waitFor()
  await sign()
  await fill('PIN that the customer tells you', (await asAdmin('GET', `/bookings/${first.id}`)).pin)
  await fill('Note (may be left out)', 'with the neighbour')
  await sound('a delivery')
  await hold('Delivered')
  await card(first).waitFor({ state: 'detached' })
  await page.getByText('1 step waits for the line', { exact: false }).waitFor()
  await page.reload()
  await page.getByRole('button', { name: '1 to send' }).click()
  await page.getByText(`${first.ref} delivered`).waitFor()
  await sound('a step that waits')
  assert.equal(await status(first), 'picked_up')
  cut()
})

test('it arrives complete when the line is back, once', async () => {
  await offline(false)
  await until(() => status(first), 'delivered')
  await page.getByText('Nothing: all steps are with the depot.').waitFor()
  await page.reload()
  await page.getByText('No job now').waitFor()
  assert.deepEqual((await kinds(first)).filter((kind) => kind === 'delivered'), ['delivered'])
  const kept = (await asAdmin('GET', `/bookings/${first.id}/attachments`)).items
  assert.deepEqual(kept.map((a) => a.media_type).sort(), ['image/jpeg', 'image/png'])
  for (const { bytes } of kept) assert.ok(bytes > 500 && bytes <= 2 * 1024 * 1024, `${bytes} bytes`)
  cut()
})

test('what the depot refuses is told, and holds nothing up', async () => {
  const gone = await job()
  await card(gone).waitFor()
  await offline(true)
  await press('I am at the pickup')
  await page.getByText('1 step waits for the line', { exact: false }).waitFor()
  await asAdmin('POST', `/bookings/${gone.id}/cancel`, { reason: 'changed our mind' })
  const other = await job()
  await offline(false)
  await page.getByText('The depot refused it', { exact: false }).waitFor()
  await page.getByRole('alert').getByText(`${gone.ref} is no longer yours`, { exact: false }).waitFor()
  await sound('a step that was refused')
  await press('I have read it')
  await card(other).waitFor()
  await press('I am at the pickup')
  await until(() => status(other), 'arrived')
  await press(`Forget it… ${gone.ref} at the pickup`)
  await press('Yes, forget it')
  await page.getByText('The depot refused it', { exact: false }).waitFor({ state: 'detached' })
  cut()
  await press('It cannot be done…')
  await press('Nobody is there')
  await sound('trouble')
  await hold('Report it as failed')
  await until(() => status(other), 'failed')
})

test('a driver takes a break, goes off duty and signs out', async () => {
  await press('Take a break')
  await page.getByText('You are on a break').waitFor()
  await press('End the break')
  await press('Go off duty')
  await page.getByRole('heading', { name: 'Good day, Ben' }).waitFor()
  await press('Sign out')
  await press('Yes, sign out')
  await page.getByRole('heading', { name: 'Sign in as a driver' }).waitFor()
})

quiet(on)
