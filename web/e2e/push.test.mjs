// What people are told though their page is closed. The way from the browser's own push service to its worker is played by the test:
// what the depot sends is opened with the browser's keys and handed to the worker as the browser would.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { accessible, fits } from './browser.mjs'
import { fresh } from './depot.mjs'
import { keys, pushService } from './push-service.mjs'
import { quiet, stage } from './stage.mjs'

const TRIP = { pickup: { lat: 42.5, lon: 1.5, address: 'Bakery' }, dropoff: { lat: 42.51, lon: 1.52, address: 'Market 7' } }
const service = await pushService()
after(() => service.stop())
const browsers = { driver: keys(), console: keys() }
let page, asAdmin, cdp
const registrations = new Map()

/** A browser that reaches no push service of its own: what it subscribes is the test's. */
function stub({ origin, given }) {
  const made = (options) => {
    const name = location.pathname.startsWith('/driver') ? 'driver' : 'console'
    localStorage.setItem(`subscribed:${name}`, options.applicationServerKey)
    return subscription(name)
  }
  const subscription = (name) => {
    const key = localStorage.getItem(`subscribed:${name}`)
    if (!key) return null
    const bytes = Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
    return {
      options: { applicationServerKey: bytes.buffer },
      toJSON: () => ({ endpoint: `${origin}/send/${name}`, expirationTime: null, keys: given[name] }),
      unsubscribe: async () => (localStorage.removeItem(`subscribed:${name}`), true),
    }
  }
  PushManager.prototype.subscribe = async (options) => made(options)
  PushManager.prototype.getSubscription = async () => subscription(location.pathname.startsWith('/driver') ? 'driver' : 'console')
}

const on = stage(
  () => fresh('[notify]\nallow_addresses = ["127.0.0.1"]\nretry_s = 1\n'),
  async (on) => {
    page = on.page
    const given = Object.fromEntries(Object.entries(browsers).map(([name, { p256dh, auth }]) => [name, { p256dh, auth }]))
    await page.context().addInitScript(stub, { origin: service.origin, given })
    await page.context().grantPermissions(['notifications'], { origin: on.origin })
    cdp = await page.context().newCDPSession(page)
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: told }) => {
      for (const { registrationId, scopeURL } of told) registrations.set(new URL(scopeURL).pathname, registrationId)
    })
    await cdp.send('ServiceWorker.enable')
    await on.setUp('ada')
    asAdmin = await on.as('ada')
    await asAdmin('POST', '/vehicles', { id: 'van-1', class: 'van' })
    await asAdmin('POST', '/users', { name: 'ben', role: 'driver', password: on.password })
    await asAdmin('POST', '/drivers', { name: 'Ben', user: 'ben' })
    const text = { subject: 'Placed {booking.reference}', text: '{booking.pickup}' }
    await asAdmin('POST', '/notifications/rules', { events: ['booking.placed'], who: 'staff', channel: 'push', ...text })
  },
)
const { press, fill, enter } = on

/** Until it says so: a page's wait. */
async function until(what, wanted) {
  for (let tries = 0; tries < 60; tries++) {
    const found = await what()
    if (wanted(found)) return found
    await page.waitForTimeout(500)
  }
  assert.fail('it did not come')
}
/** Hands the worker below `scope` what came for a browser last; the notifications that it shows then. */
async function deliver(name, scope) {
  const mine = () => service.taken.filter(({ path }) => path === `/send/${name}`)
  const [last] = (await until(mine, (found) => found.length > 0)).slice(-1)
  service.taken.length = 0
  const data = browsers[name].read(last.body)
  await cdp.send('ServiceWorker.deliverPushMessage', { origin: on.origin, registrationId: registrations.get(scope), data })
  const { title, tag } = JSON.parse(data)
  return until(() => shown(scope), (found) => found.some((one) => one.title === title && one.tag === tag))
}
const shown = (scope) =>
  page.evaluate(async (scope) => {
    const found = await (await navigator.serviceWorker.getRegistration(scope)).getNotifications()
    return found.map(({ title, body, tag, data }) => ({ title, body, tag, data }))
  }, scope)
const toggle = (name) => page.getByRole('switch', { name })

test('who works at the console is told by it what rules say', async () => {
  await on.go('Settings')
  await page.getByRole('group', { name: 'Part' }).getByRole('button', { name: 'Notifications' }).click()
  const tell = toggle('Show notifications in this browser when the console is closed')
  await tell.check()
  await page.getByText('Those that rules send to staff by push.', { exact: false }).waitFor()
  await accessible(page, 'settings with notifications')
  await page.reload()
  await until(() => tell.isChecked(), (on) => on)
  const booking = await asAdmin('POST', '/bookings', TRIP)
  assert.deepEqual(
    (await deliver('console', '/')).map(({ title, body, data }) => ({ title, body, data })),
    [{ title: `Placed ${booking.ref}`, body: 'Bakery', data: `/bookings/${booking.id}` }],
  )
  await tell.uncheck()
  await asAdmin('POST', '/bookings', TRIP)
  await page.waitForTimeout(1000)
  assert.deepEqual(service.taken, [])
})

test('a driver is told of a job though the page is closed, and is led there', async () => {
  await page.context().clearCookies()
  await page.goto(`${on.origin}/driver`)
  await enter('ben', on.password, 'Sign in')
  await fill('Vehicle', 'van-1')
  await press('Go on duty')
  await page.getByText('No job now').waitFor()
  await toggle('Tell me of offers when this page is closed').check()
  await page.getByText('Also of changes to your jobs.', { exact: false }).waitFor()
  await page.setViewportSize({ width: 320, height: 640 })
  await accessible(page, 'a driver who is told')
  await fits(page, 'a driver who is told')
  await until(() => registrations.get('/driver'), Boolean)
  const booking = await asAdmin('POST', '/bookings', TRIP)
  await asAdmin('POST', `/bookings/${booking.id}/assign`, { vehicle_id: 'van-1', override: true, reason: 'it is the one' })
  const [said] = await deliver('driver', '/driver')
  assert.deepEqual([said.title, said.body, said.data], [`New job ${booking.ref}`, 'Bakery → Market 7', '/driver'])
  // What is newer takes its place.
  await asAdmin('POST', `/bookings/${booking.id}/cancel`, { reason: 'snow' })
  const now = await deliver('driver', '/driver')
  assert.deepEqual(now.map(({ title, body }) => [title, body]), [[`Job ${booking.ref} is no longer yours`, 'snow']])
  const worker = page.context().serviceWorkers().find((worker) => worker.url().endsWith('/driver-sw.js'))
  await worker.evaluate(async () => {
    const [notification] = await self.registration.getNotifications()
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification }))
  })
  await until(() => shown('/driver'), (found) => found.length === 0)
})

test('who signs out is told nothing more', async () => {
  await press('Sign out')
  await press('Yes, sign out')
  await page.getByRole('heading', { name: 'Sign in as a driver' }).waitFor()
  await until(() => page.evaluate(() => localStorage.getItem('subscribed:driver')), (kept) => kept === null)
  await enter('ben', on.password, 'Sign in')
  const tell = toggle('Tell me of offers when this page is closed')
  await tell.waitFor()
  assert.equal(await tell.isChecked(), false)
})

quiet(on)
