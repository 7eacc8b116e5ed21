// A depot and a browser for the tests of one file.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from './browser.mjs'

const PASSWORD = 'correct horse battery staple'

/** Starts them before the tests, then runs `ready`, and ends them after. Gives `page`, `link`, `origin`, `depot`, `faults`, and what
 * there is to do on every screen. */
export function stage(start, ready) {
  const on = {
    /** To another screen. */
    async go(screen) {
      await on.page.getByRole('link', { name: screen, exact: true }).click()
      await on.page.locator(`a[aria-current="page"]:text-is("${screen}")`).waitFor()
    },
    press: (name) => on.page.getByRole('button', { name, exact: true }).click(),
    fill: (label, text) => on.page.getByLabel(label, { exact: true }).fill(text),
    choose: (label, option) => on.page.getByLabel(label, { exact: true }).selectOption(option),
    /** The first administrator, by the link of a depot without users. */
    async setUp(name) {
      await on.page.goto(on.link)
      await on.page.getByText('Make the first administrator').waitFor()
      await on.enter(name, PASSWORD, 'Make administrator')
      await on.page.getByText('No vehicle yet').waitFor()
    },
    async enter(name, password, button) {
      await on.page.getByLabel('Name').fill(name)
      await on.page.getByLabel('Password').fill(password)
      await on.press(button)
    },
    /** As somebody else at another place of work, signed in as the same user. */
    async call(method, path, data, headers = {}) {
      const answer = await on.page.request.fetch(`${on.origin}/api/v1${path}`, { method, data, headers: { origin: on.origin, ...headers } })
      assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`)
      const text = await answer.text()
      return text ? JSON.parse(text) : null
    },
    /** Signs somebody in beside the page, and gives a way to call in that name whoever the page is and whether it has a line or not. */
    async as(name) {
      const call = (path, method, data, cookie) => {
        const headers = { origin: on.origin, ...(cookie ? { cookie } : {}), ...(data ? { 'content-type': 'application/json' } : {}) }
        return fetch(`${on.origin}/api/v1${path}`, { method, headers, body: data && JSON.stringify(data) })
      }
      const opened = await call('/session', 'POST', { name, password: PASSWORD })
      const cookie = opened.headers.getSetCookie().map((set) => set.split(';')[0]).join('; ')
      return async (method, path, data) => {
        const answer = await call(path, method, data, cookie)
        const text = await answer.text()
        assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
        return text ? JSON.parse(text) : null
      }
    },
    password: PASSWORD,
  }
  let depot, browser
  before(async () => {
    depot = await start()
    browser = await open(depot.origin)
    Object.assign(on, { page: browser.page, faults: browser.faults, link: depot.link, origin: depot.origin, depot })
    await ready(on)
  })
  after(async () => {
    await browser?.close()
    await depot?.stop()
  })
  return on
}

/** The last test of a file. */
export const quiet = (on) => test('nothing failed and nobody else was asked', () => assert.deepEqual(on.faults, []))
