// The console in a real browser, over a real demo depot: nothing here is faked.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

const here = import.meta.dirname
const bin = resolve(process.env.DEPOTD_BIN ?? join(here, '../../target/debug/depotd'))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WAIT = 120_000
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

let depot, browser, page, origin
const profile = mkdtempSync(join(tmpdir(), 'depotd-e2e-'))
const faults = []

/** Starts the demo and gives the address that it prints. */
function start() {
  depot = spawn(bin, ['demo', '--port', '0', '--speed', '20'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  return new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no address was printed:\n${said}`)), WAIT)
    for (const stream of [depot.stdout, depot.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said += `${line}\n`
        const url = /https?:\/\/\S+#login=[^\s"',)]+/.exec(line)?.[0]
        if (!url) return
        clearTimeout(timer)
        found(url)
      })
    }
    depot.once('error', failed)
    depot.once('exit', (code) => failed(new Error(`the demo ended with ${code}:\n${said}`)))
  })
}

before(async () => {
  const url = await start()
  origin = new URL(url).origin
  browser = await chromium.launchPersistentContext(profile, { executablePath: '/usr/bin/chromium', args: FLAGS, viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
  browser.setDefaultTimeout(WAIT)
  page = await browser.newPage()
  page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
  page.on('pageerror', (e) => faults.push(String(e)))
  page.on('request', (r) => {
    if (!r.url().startsWith(origin) && !/^(blob|data):/.test(r.url())) faults.push(`asked elsewhere: ${r.url()}`)
  })
  await page.goto(url)
})

after(async () => {
  await browser?.close()
  if (depot && depot.exitCode === null) {
    const gone = new Promise((done) => depot.once('exit', done))
    depot.kill('SIGTERM')
    await gone
  }
  rmSync(profile, { recursive: true, force: true })
})

async function clean(where) {
  const found = await page.evaluate(`${axe}; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })`)
  const told = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)
  assert.deepEqual(told, [], where)
}

test('a vehicle moves', async () => {
  await page.locator('[data-vehicle][data-status="en_route"]').first().click()
  const position = page.locator('[data-position]')
  const first = await position.textContent()
  await page.waitForFunction((was) => document.querySelector('[data-position]')?.textContent !== was, first)
  await page.keyboard.press('Escape')
})

test('a booking made by two clicks on the map is delivered', async () => {
  await page.getByRole('button', { name: 'New booking' }).click()
  const map = page.locator('.map[data-layer="canvas"], .map[data-layer="webgl"]')
  const box = await map.boundingBox()
  await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.5)
  await page.getByText('Now click the drop-off on the map.').waitFor()
  await page.mouse.click(box.x + box.width * 0.55, box.y + box.height * 0.55)
  await page.locator('[data-quote]').waitFor()
  await page.getByRole('button', { name: 'Book', exact: true }).click()
  await page.locator('[data-status="delivered"].state').waitFor()
  await page.getByText('Why this driver').waitFor()
})

for (const scheme of ['light', 'dark']) {
  test(`every screen is accessible, ${scheme}`, async () => {
    await page.emulateMedia({ colorScheme: scheme })
    await clean(`a booking, ${scheme}`)
    for (const screen of ['Live', 'Bookings', 'Vehicles', 'Access']) {
      await page.getByRole('link', { name: screen, exact: true }).click()
      await page.getByRole('heading', { level: 1 }).waitFor()
      await clean(`${screen}, ${scheme}`)
    }
  })
}

test('nothing failed and nobody else was asked', () => assert.deepEqual(faults, []))
