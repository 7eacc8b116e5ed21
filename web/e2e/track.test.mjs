// A tracking link, from the booking's detail in the console to the page of whoever has it: nothing here is faked.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { accessible, fits, NARROW, open, WIDE } from './browser.mjs'
import { demo } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

/** A booking that is driven takes longer than a step of a page. */
const DRIVE = 120_000
/** Bytes of the page with all that it needs, as they are before they are compressed. */
const FIRST_LOAD = 150 * 1024
let page, booking, link, reader
const on = stage(demo, async (on) => {
  page = on.page
  await page.goto(on.link)
  await page.locator('[data-vehicle]').first().waitFor()
  // Somebody else, who is not signed in, on a telephone.
  reader = await open(on.origin)
  await reader.page.setViewportSize(NARROW)
})
const { call, press, choose } = on
after(() => reader?.close())

const url = (query = '') => link + query
const status = () => reader.page.locator('h1').getAttribute('data-status')
/** As when the telephone is back in reach: the page asks at once. */
const askNow = () => reader.page.evaluate(() => dispatchEvent(new Event('online')))
const json = async () => (await reader.page.request.get(link, { headers: { accept: 'application/json' } })).json()

async function makeLink(language, days) {
  await choose('Language', language)
  await choose('Ends', days)
  await press('Make link')
  await page.getByText('The link is shown this once').waitFor()
  return page.getByLabel('The link is shown this once').inputValue()
}

test('a link is made in the detail of a booking', async () => {
  const { depot } = await call('GET', '/session')
  const site = (off) => ({ lat: depot.centre.lat + off, lon: depot.centre.lon + off, contact: { name: 'Ben Riba' } })
  const at = new Date(Date.now() + 3_600_000).toISOString()
  booking = await call('POST', '/bookings', { pickup: site(0.002), dropoff: site(0.01), customer: 'acme', pickup_at: at })
  await page.goto(`${on.origin}/?booking=${booking.id}`)
  await page.getByText('Whoever has one follows this booking', { exact: false }).waitFor()
  link = await makeLink('', '7')
  assert.match(link, new RegExp(`^${on.origin}/track/[\\w-]{22}$`))
  await page.locator('[data-link]').getByText('until', { exact: false }).waitFor()
  await accessible(page, 'a booking with a link')
  await page.setViewportSize(NARROW)
  await fits(page, 'a booking with a link')
  await page.setViewportSize(WIDE)
})

test('whoever has it sees the booking, on a slow telephone too', async () => {
  let bytes = 0
  const loads = []
  const count = (answer) => loads.push(answer.body().then((body) => (bytes += body.length)))
  reader.page.on('response', count)
  await reader.page.goto(url(), { waitUntil: 'networkidle' })
  reader.page.off('response', count)
  await Promise.all(loads)
  assert.ok(bytes > 5_000 && bytes < FIRST_LOAD, `${bytes} bytes`)
  assert.equal(await status(), 'scheduled')
  assert.match(await reader.page.title(), new RegExp(booking.ref))
  await reader.page.getByText('as planned').waitFor()
  await accessible(reader.page, 'a tracking page')
  const text = await reader.page.content()
  assert.ok(!/acme|Ben Riba/.test(text), text)
})

test('it speaks six languages, and every one fits', async () => {
  const headlines = new Set()
  for (const language of ['en', 'de', 'es', 'fr', 'pt', 'ca']) {
    await reader.page.locator(`nav a[hreflang="${language}"]`).click()
    await reader.page.locator(`html[lang="${language}"] nav a[aria-current]`).waitFor()
    headlines.add(await reader.page.locator('h1').textContent())
    await fits(reader.page, language)
    await accessible(reader.page, language)
  }
  assert.equal(headlines.size, 6)
})

test('without scripts it is whole, and loads itself again', async () => {
  const bare = await reader.page.context().browser().newContext({ javaScriptEnabled: false, viewport: NARROW })
  const plain = await bare.newPage()
  await plain.goto(url('?lang=en'))
  assert.equal(await plain.locator('h1').textContent(), 'Your delivery is planned')
  assert.equal(await plain.locator('svg .dropoff').count(), 1)
  assert.match(await plain.content(), /<noscript><meta http-equiv="refresh" content="20"/)
  await bare.close()
})

test('it says when it hears nothing, and goes on when it does again', async () => {
  await reader.page.goto(url('?lang=en'))
  await reader.page.context().setOffline(true)
  for (let n = 0; n < 2; n++) {
    const failed = reader.page.waitForEvent('requestfailed')
    await askNow()
    await failed
  }
  await reader.page.getByText('No connection.', { exact: false }).waitFor()
  await accessible(reader.page, 'a tracking page without a connection')
  await fits(reader.page, 'a tracking page without a connection')
  await reader.page.context().setOffline(false)
  await askNow()
  await reader.page.waitForFunction(() => document.getElementById('lost')?.textContent === '')
  // The browser tells of every request that fails.
  for (const told of reader.faults.splice(0)) assert.match(told, /ERR_INTERNET_DISCONNECTED/)
})

test('it follows the job to the delivery', async () => {
  const now = await call('POST', '/bookings', { pickup: booking.pickup, dropoff: booking.dropoff, customer: 'acme' })
  link = (await call('POST', `/bookings/${now.id}/links`, { language: 'ca' })).url
  await reader.page.goto(url())
  const end = Date.now() + DRIVE
  let seen
  do {
    assert.ok(Date.now() < end, `no vehicle was seen: ${JSON.stringify(seen)}`)
    await reader.page.waitForTimeout(300)
    seen = await json()
  } while (!seen.vehicle)
  assert.ok(seen.vehicle.age_s >= 0 && seen.vehicle.place.lat > 0, JSON.stringify(seen))
  await askNow()
  await reader.page.locator('h1[data-status="delivered"]').getByText('Lliurat').waitFor({ timeout: DRIVE })
  assert.equal(await reader.page.locator('svg').count(), 0, 'the vehicle is nobody’s business any more')
  await accessible(reader.page, 'a delivery')
  await fits(reader.page, 'a delivery')
})

test('a link that is revoked shows nothing', async () => {
  link = await page.getByLabel('The link is shown this once').inputValue()
  await reader.page.goto(url('?lang=en'))
  const revoke = page.locator('[data-link]').getByRole('button')
  await revoke.click()
  await revoke.click()
  await page.getByText('Whoever has one follows this booking', { exact: false }).waitFor()
  await askNow()
  await reader.page.getByRole('heading', { name: 'This link shows nothing' }).waitFor()
  await accessible(reader.page, 'a dead link')
  await fits(reader.page, 'a dead link')
  for (const told of reader.faults.splice(0)) assert.match(told, /404 \(Not Found\)$/)
})

test('nothing failed on the reader’s side either', () => assert.deepEqual(reader.faults, []))

quiet(on)
