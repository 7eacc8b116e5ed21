// The first start: no user, no vehicle, and the link that makes the first administrator.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, fits, NARROW, WIDE } from './browser.mjs'
import { fresh } from './depot.mjs'
import { quiet, stage } from './stage.mjs'

let page
const on = stage(fresh, (on) => (page = on.page))

const { enter } = on
async function narrow(what) {
  await page.setViewportSize(NARROW)
  await fits(page, what)
  await page.setViewportSize(WIDE)
}

test('without the link it says where the link is', async () => {
  await page.goto(on.origin)
  await page.getByText('This depot has no user yet').waitFor()
  await accessible(page, 'a depot without users')
})

test('the link makes the first administrator', async () => {
  await page.goto('about:blank')
  await page.goto(on.link)
  await page.getByText('Make the first administrator').waitFor()
  await accessible(page, 'the first start')
  await narrow('the first start')
  await enter('ada', on.password, 'Make administrator')
  await page.getByText('No vehicle yet').waitFor()
  assert.equal(new URL(page.url()).hash, '')
})

test('an empty depot says what to do next', async () => {
  await page.getByText('No street map is installed', { exact: false }).waitFor()
  await accessible(page, 'an empty live view')
  await narrow('an empty live view')
  for (const [screen, said] of [['Bookings', 'No booking yet'], ['Analytics', 'No booking in this time'], ['Sync', 'No line to head office'], ['Vehicles', 'No device yet'], ['Access', 'No token yet']]) {
    await page.getByRole('link', { name: screen, exact: true }).click()
    await page.getByText(said).waitFor()
    await accessible(page, `${screen}, empty`)
    await narrow(`${screen}, empty`)
  }
})

test('who signed out signs in again, and a wrong password is told', async () => {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('Sign in to the depot').waitFor()
  await enter('ada', 'wrong', 'Sign in')
  await page.getByRole('alert').getByText('the name and the password do not go together', { exact: false }).waitFor()
  await accessible(page, 'a refused sign-in')
  await narrow('a refused sign-in')
  // The browser tells of every refusal on its own.
  assert.match(on.faults.splice(0).join('\n'), /^Failed to load resource: .* 401 \(Unauthorized\)$/)
  await enter('ada', on.password, 'Sign in')
  await page.getByRole('link', { name: 'Access' }).waitFor()
})

quiet(on)
