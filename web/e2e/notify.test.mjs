// Telling people and programs, and hearing of it at the console: the receiver of webhooks and of the SMS gateway is real.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

/** Answers each path as `answers` has it, 204 as usual, and keeps what it got. */
async function listener() {
  const [answers, got] = [{}, []]
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    got.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() })
    response.writeHead(answers[request.url] ?? 204).end()
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${server.address().port}`, answers, got, stop: () => server.close() }
}
const outside = await listener()
after(() => outside.stop())
const SETTINGS = `
[notify]
allow_addresses = ["127.0.0.1/32"]
retry_s = 1

[[notify.gateways]]
name = "sms"
url = "${outside.url}/sms"
body = '{"to": "{to}", "text": "{text}"}'
`

let page
const on = stage(() => fresh(SETTINGS), async (on) => {
  page = on.page
  await on.setUp('ada')
})
const { go, press, fill, choose, call, enter } = on

const order = (more) => ({ pickup: { lat: 42.5, lon: 1.5, contact: { phone: '+376 100' } }, dropoff: { lat: 42.6, lon: 1.6 }, customer: 'Bakery', ...more })
const book = (more) => call('POST', '/bookings', order(more))
const cancel = (booking, reason) => call('POST', `/bookings/${booking.id}/cancel`, { reason })
const part = (name) => page.getByRole('group', { name: 'Part' }).getByRole('button', { name }).click()
const hook = () => page.locator('[data-webhook="ERP"]')
const rule = (name) => page.locator(`[data-rule="${name}"]`)
const preview = () => page.locator('[data-preview]')
const bell = () => page.getByRole('button', { name: /^Messages, / })
const message = (subject) => page.locator('[data-message]', { hasText: subject })
const letter = (state, subject) => page.locator(`[data-delivery][data-state="${state}"]`, { hasText: subject })
const told = (status) => assert.match(on.faults.splice(0).join('\n'), new RegExp(`^(Failed to load resource: .* ${status}.*\n?)+$`))
/** Presses a button that asks whether one is sure. */
async function surely(verb, name) {
  await press(`${verb} ${name}`)
  await press(`Yes, ${verb.toLowerCase()} ${name}`)
}
/** Is a request signed with that secret, be it one of two? */
function signed({ headers, body }, secret) {
  const over = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const mine = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(over).digest('base64')
  return headers['webhook-signature'].split(' ').includes(`v1,${mine}`)
}
/** The secret in the dialog, which is shown nowhere else afterwards. */
async function secret() {
  const dialog = page.getByRole('dialog')
  const shown = await dialog.locator('code', { hasText: /^whsec_/ }).innerText()
  await dialog.getByRole('button', { name: 'Copy Secret' }).waitFor()
  await sound('a secret')
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await page.getByText(shown).waitFor({ state: 'detached' })
  return shown
}

/** Is what is shown now accessible, and does it fit a phone? */
async function sound(what) {
  await accessible(page, what)
  await page.setViewportSize(NARROW)
  await accessible(page, `${what}, 360 px`)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

let first
test('a depot that tells nobody anything says how to begin', async () => {
  const parts = () => page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\/(Notify|Inbox)-[^/]*\.js$/.test(r.name)).length)
  assert.equal(await parts(), 0)
  await go('Settings')
  for (const [name, empty] of [['Webhooks', 'No webhook yet'], ['Deliveries', 'Nothing was said yet'], ['Notifications', 'No rule yet']]) {
    await part(name)
    await page.getByText(empty).waitFor()
    await sound(`${name}, none yet`)
  }
  assert.equal(await parts(), 1)
  await bell().click()
  await page.getByText('No message').waitFor()
  await sound('an empty inbox')
  await page.keyboard.press('Escape')
  await page.getByText('No mail server yet').first().waitFor()
})

test('a webhook is added with what it hears of, and its secret is shown once', async () => {
  await part('Webhooks')
  await press('New webhook')
  await fill('URL', 'http://192.168.3.4/')
  await fill('Name', 'ERP')
  await choose('It hears of', 'some')
  await press('Add webhook')
  await page.getByText('Choose at least one, or everything.').waitFor()
  await page.getByLabel('booking.cancelled').check()
  await page.getByText('Vehicles and drivers').click()
  await page.getByLabel('duty.*').check()
  assert.ok(await page.getByLabel('duty.started').isDisabled())
  await press('Add webhook')
  await page.getByText('http:// is for hosts and addresses under [notify] alone', { exact: false }).waitFor()
  await sound('a webhook that is refused')
  told(422)
  await fill('URL', `${outside.url}/erp`)
  await press('Add webhook')
  first = await secret()
  await hook().getByText('booking.cancelled, duty.*').waitFor()
  await hook().getByText('none yet').waitFor()
})

test('a test goes out signed, and its answer is shown', async () => {
  await press('Test ERP')
  await hook().locator('[data-test="answered"]').getByText(/^It answered 204 in \d+ ms\.$/).waitFor()
  const [request] = outside.got.splice(0)
  assert.equal(JSON.parse(request.body).type, 'webhook.test')
  assert.ok(signed(request, first))
  await hook().locator('[data-last]').getByText(/^204 in/).waitFor()
  await press('Log of ERP')
  await letter('sent', 'webhook.test').waitFor()
  await press('Attempts: webhook.test')
  await page.locator('[data-attempt]').getByText(/204 in \d+ ms$/).waitFor()
  await page.getByText(request.headers['webhook-id']).waitFor()
  await sound('a log')
})

test('a new secret signs beside the old one', async () => {
  await press('New secret for ERP')
  await page.getByText('signs beside it for 24 h', { exact: false }).waitFor()
  await sound('before a new secret')
  await press('Make a new secret')
  await page.getByText(/The one before signs beside it until \d/).waitFor()
  const second = await secret()
  await press('Test ERP')
  await hook().locator('[data-test="answered"]').waitFor()
  const [request] = outside.got.splice(0)
  assert.ok(second !== first && signed(request, first) && signed(request, second))
})

test('what it answers to is shown, also when that is no', async () => {
  outside.answers['/erp'] = 500
  await press('Test ERP')
  await hook().locator('[data-test="failed"]').getByText(/^500 in \d+ ms: answered 500.*It is tried again at/).waitFor()
  await hook().getByText('Failing since').waitFor()
  await page.locator('[data-webhook="ERP"][data-state="failing"]').waitFor()
  await sound('a webhook that fails')
  outside.answers['/erp'] = 204
  await page.locator('[data-webhook="ERP"][data-state="on"]').waitFor()
})

test('it is paused, changed and resumed, and somebody else’s change is not lost', async () => {
  await press('Pause ERP')
  await hook().getByText('Paused: what happens meanwhile is not told to it.').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Test ERP' }).isDisabled())
  await press('Edit ERP')
  const { items } = await call('GET', '/webhooks')
  await call('PATCH', `/webhooks/${items[0].id}`, { url: `${outside.url}/erp2` })
  await choose('It hears of', 'every')
  await press('Save')
  await hook().getByRole('alert').getByText('Changed meanwhile by somebody else.', { exact: false }).waitFor()
  assert.equal(await page.getByLabel('URL').inputValue(), `${outside.url}/erp2`)
  told(412)
  await press('Save')
  await hook().getByText('everything', { exact: true }).waitFor()
  await press('Resume ERP')
  await page.locator('[data-webhook="ERP"][data-state="on"]').waitFor()
})

test('many deliveries come page by page', async () => {
  const [{ id }] = (await call('GET', '/webhooks')).items
  for (let n = 0; n < 55; n++) await call('POST', `/webhooks/${id}/test`)
  await part('Deliveries')
  await page.getByLabel('Through', { exact: true }).selectOption('webhook ERP')
  await page.locator('[data-delivery]').nth(49).waitFor()
  assert.equal(await page.locator('[data-delivery]').count(), 50)
  await press('Older ones')
  await page.locator('[data-delivery]').nth(57).waitFor()
  // What is looked at again does not take away what was read before.
  await page.waitForResponse((response) => response.url().includes('/deliveries?limit=50'))
  assert.ok((await page.locator('[data-delivery]').count()) > 55)
  await page.getByLabel('Through', { exact: true }).selectOption('through everything')
  await sound('deliveries')
})

test('a ready-made rule is shown over a booking while it is written', async () => {
  const { ref } = await book()
  await part('Notifications')
  await page.getByRole('button', { name: /^A job failed or was called off/ }).click()
  await preview().getByText(`${ref}: waiting`).waitFor()
  await preview().getByText('Reason: not known.', { exact: false }).waitFor()
  await sound('a rule and what it would say')
  await page.getByLabel('When it happens').selectOption('booking.cancelled')
  const text = page.getByLabel('Text', { exact: true })
  await text.fill('For  today: {booking.secret}')
  await page.getByText('which is no placeholder', { exact: false }).first().waitFor()
  told(422)
  await text.fill('For  today')
  await text.evaluate((area) => area.setSelectionRange(4, 4))
  await page.getByText('Placeholders: what the text may say').click()
  await press('{booking.customer}')
  assert.equal(await text.inputValue(), 'For {booking.customer} today')
  await preview().getByText('For Bakery today').waitFor()
  await page.getByLabel('Language').selectOption('Deutsch')
  await preview().getByText(`${ref}: wartet`).waitFor()
  await sound('placeholders')
  await fill('Name', 'Called off')
  await press('Add rule')
  await rule('Called off').getByText('booking.failed, booking.cancelled → staff, at the console').waitFor()
})

test('a channel that is not there is named as such', async () => {
  await press('Ready-made')
  await sound('ready-made rules')
  await page.getByRole('button', { name: /^Remind the customer/ }).click()
  await page.locator('[data-unsent]').getByText('No mail is sent here yet').waitFor()
  await page.getByText('no mail can be sent', { exact: false }).first().waitFor()
  await sound('a rule without a channel')
  await press('Close')
  told(422)
  // Gateways are named by the depot.
  await press('Ready-made')
  await page.getByRole('button', { name: /^Tell the recipient by SMS/ }).click()
  await page.getByText('in the settings: sms', { exact: false }).first().waitFor()
  await page.locator('#rule-gateways option[value="sms"]').waitFor({ state: 'attached' })
  await fill('Gateway', 'sms')
  await preview().getByText('nobody: no address of theirs is known', { exact: false }).waitFor()
  await page.getByLabel('To', { exact: true }).selectOption('customer')
  await preview().getByText('+376 100').waitFor()
  await page.getByText('Bookings', { exact: true }).last().click()
  await page.getByLabel('booking.picked_up').uncheck()
  await preview().getByText('Choose what has to happen.').waitFor()
  await page.getByLabel('booking.placed').check()
  await page.getByLabel('Quiet hours').uncheck()
  await page.getByLabel('A limit for each recipient').check()
  await fill('At most', '5')
  await fill('Name', 'By SMS')
  await press('Add rule')
  await rule('By SMS').getByText('booking.placed → the customer, through the gateway sms').waitFor()
  await rule('By SMS').getByText('at most 5 in 60 min to one recipient').waitFor()
  told(422)
  await sound('rules')
})

test('a message for staff comes as it is said, and is kept as read', async () => {
  const booking = await book()
  await cancel(booking, 'shut today')
  await page.locator('.notice.shown', { hasText: `Message: ${booking.ref}: storniert` }).waitFor()
  await bell().and(page.locator('[data-unread="1"]')).click()
  await message(booking.ref).getByText('For Bakery today').waitFor()
  await sound('an inbox')
  await message(booking.ref).getByRole('link').click()
  await page.locator('.state[data-status="cancelled"]').waitFor()
  await page.locator('[data-unread="0"]').waitFor()
  await page.reload()
  await page.locator('[data-unread="0"]').waitFor()
  await bell().click()
  await message(booking.ref).getByText('For Bakery today').waitFor()
  await page.keyboard.press('Escape')
})

test('what was said while no console was open is there afterwards, with its text', async () => {
  const ada = await on.as('ada')
  await page.goto('about:blank')
  const booking = await ada('POST', '/bookings', order())
  await ada('POST', `/bookings/${booking.id}/cancel`, { reason: 'shut' })
  while ((await ada('GET', '/deliveries?channel=message&state=sent')).items.length < 2);
  await page.goto(on.origin)
  await bell().and(page.locator('[data-unread="1"]')).click()
  await message(booking.ref).getByText('For Bakery today').waitFor()
  await press('Mark all as read')
  await page.locator('[data-unread="0"]').waitFor()
  await page.keyboard.press('Escape')
})

test('a dead letter is seen, with its reason, and is sent again', async () => {
  outside.answers['/sms'] = 404
  const [one, two] = [await book({ customer: 'One' }), await book({ customer: 'Two' })]
  assert.ok(one.ref && two.ref)
  await page.getByRole('button', { name: /^Messages, 0 unread, 2 new dead letters/ }).click()
  await page.locator('[data-dead-line]').getByText('2 dead letters').waitFor()
  await sound('an inbox with dead letters')
  await page.locator('[data-dead-line]').getByRole('link').click()
  await letter('dead', 'By SMS').nth(1).waitFor()
  await letter('dead', 'By SMS').first().getByText(/answered 404.*after 1 attempt/).waitFor()
  await letter('dead', 'By SMS').first().getByText('+376 100 by sms').waitFor()
  await page.getByRole('button', { name: 'Messages, 0 unread', exact: true }).waitFor()
  await sound('dead letters')
  outside.answers['/sms'] = 204
  outside.got.length = 0
  await page.getByRole('button', { name: 'Send again: By SMS' }).first().click()
  await letter('dead', 'By SMS').nth(1).waitFor({ state: 'detached' })
  await page.getByRole('group', { name: 'Show only' }).getByRole('button', { name: 'All' }).click()
  await letter('sent', 'By SMS').first().waitFor()
  assert.match(outside.got.find((request) => request.path === '/sms').body, /"\+376 100"/)
  outside.answers['/sms'] = 404
  await book({ customer: 'Three' })
  await letter('dead', 'By SMS').nth(1).waitFor()
  outside.answers['/sms'] = 204
  await press('Send all 2 dead letters again')
  await page.getByText('2 deliveries sent again').waitFor()
  await letter('dead', 'By SMS').first().waitFor({ state: 'detached' })
})

test('rules are paused, changed and deleted', async () => {
  await part('Notifications')
  await press('Pause By SMS')
  await rule('By SMS').getByText('Paused: it says nothing.').waitFor()
  await press('Edit By SMS')
  await page.getByLabel('A limit for each recipient').uncheck()
  await page.getByLabel('Quiet hours').check()
  await fill('From', '21:00')
  await press('Save')
  await rule('By SMS').getByText('quiet 21:00 – 07:00', { exact: false }).waitFor()
  assert.equal(await rule('By SMS').getByText('at most').count(), 0)
  await surely('Delete', 'By SMS')
  await rule('By SMS').waitFor({ state: 'detached' })
})

test('a dispatcher hears messages too, and only reads rules', async () => {
  await call('POST', '/users', { name: 'dan', password: on.password, role: 'dispatcher' })
  await press('Sign out')
  await enter('dan', on.password, 'Sign in')
  await go('Settings')
  await part('Notifications')
  await rule('Called off').waitFor()
  assert.equal(await page.getByRole('group', { name: 'Part' }).getByRole('button').count(), 2)
  assert.equal(await rule('Called off').getByRole('button').count(), 0)
  await sound('rules, to be read')
  const booking = await book()
  await cancel(booking, 'shut')
  await bell().click()
  await message(booking.ref).getByText('For Bakery today').waitFor()
  await page.locator('[data-message]').nth(2).waitFor()
  await sound('the inbox of a dispatcher')
  await press('Mark all as read')
  await page.locator('[data-unread="0"]').waitFor()
  await page.keyboard.press('Escape')
})

test('a webhook is deleted', async () => {
  await press('Sign out')
  await enter('ada', on.password, 'Sign in')
  await go('Settings')
  await part('Webhooks')
  await surely('Delete', 'ERP')
  await page.getByText('No webhook yet').waitFor()
})

quiet(on)
