// The machine's Chromium, and what every page has to keep to.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
/** A step that takes longer has failed. */
const STEP = 30_000
export const WIDE = { width: 1440, height: 900 }
export const NARROW = { width: 360, height: 740 }

function executable() {
  const paths = NAMES.flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, name)))
  const found = paths.find((path) => existsSync(path))
  if (!found) throw new Error(`none of ${NAMES.join(', ')} is installed: run \`make tools\``)
  return found
}

/** A browser that knows one depot. `faults` holds what went wrong in any of its pages. */
export async function open(origin) {
  const browser = await chromium.launch({ executablePath: executable(), args: FLAGS })
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light' })
  context.setDefaultTimeout(STEP)
  await context.addInitScript(axe)
  const faults = []
  context.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  context.on('weberror', (error) => faults.push(String(error.error())))
  context.on('request', (request) => {
    const url = request.url().replace(/^blob:/, '')
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) faults.push(`asked elsewhere: ${url}`)
  })
  return { page: await context.newPage(), faults, close: () => browser.close() }
}

/** Is what the page shows now accessible, in light and in dark? */
export async function accessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
    const told = violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join(', ')}`)
    assert.deepEqual(told, [], `${what}, ${colorScheme}`)
  }
}

/** Does the page keep to the window's width, with all that can be used within reach? */
export async function fits(page, what) {
  const beyond = await page.evaluate(() => {
    const controls = [...document.querySelectorAll('h1, h2, a, button, input, select, textarea')]
    const cut = controls.filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest('.chips, .scroll-x'))
    const wide = [document.documentElement, ...document.querySelectorAll('main, .page')].filter((e) => e.scrollWidth > e.clientWidth && e.clientWidth > 0)
    return [...cut, ...wide].map((e) => e.outerHTML.slice(0, 120))
  })
  assert.deepEqual(beyond, [], `${what} is wider than the window`)
}
