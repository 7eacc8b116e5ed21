// Keeps a tracking page up to date: asks for it again as often as it says, shows the ages of what it tells, and says when it hears
// nothing. Without it the page loads itself.
import { pause, since, until, type Words } from './news'

const lost = document.getElementById('lost') as HTMLElement
const said = document.getElementById('said') as HTMLElement
/** How far the depot's clock is ahead of this one. */
let ahead = Date.parse(document.body.dataset.now ?? '') - Date.now() || 0
let tag = ''
let failures = 0
let timer: ReturnType<typeof setTimeout> | undefined

const shown = () => document.querySelector('main') as HTMLElement
const every = () => Number(shown().dataset.every)

function tick(): void {
  const words = JSON.parse(shown().dataset.words ?? 'null') as Words | null
  if (!words) return
  const now = Date.now() + ahead
  const say = (kind: string, text: (at: number) => string) => {
    for (const span of shown().querySelectorAll<HTMLElement>(`[data-${kind}]`)) {
      const told = text(Date.parse(span.dataset[kind] ?? ''))
      if (span.textContent !== told) span.textContent = told
    }
  }
  say('until', (at) => until(at - now, words))
  say('since', (at) => since(now - at, words))
}

function show(html: string): void {
  const page = new DOMParser().parseFromString(html, 'text/html')
  const fresh = page.querySelector('main')
  if (!fresh) return
  const before = shown().querySelector('h1')?.textContent
  shown().replaceWith(document.adoptNode(fresh))
  document.title = page.title
  const headline = shown().querySelector('h1')?.textContent ?? ''
  // Read aloud when it is news.
  if (headline !== before) said.textContent = headline
}

async function ask(): Promise<void> {
  let bidden: string | null = null
  try {
    const headers: Record<string, string> = { accept: 'text/html' }
    if (tag) headers['if-none-match'] = tag
    const answer = await fetch(location.href, { headers, cache: 'no-store', signal: AbortSignal.timeout(20_000) })
    bidden = answer.headers.get('retry-after')
    if (answer.status === 200 || answer.status === 404) {
      tag = answer.headers.get('etag') ?? ''
      show(await answer.text())
    } else if (answer.status !== 304) throw new Error(String(answer.status))
    ahead = Date.parse(answer.headers.get('date') ?? '') - Date.now() || ahead
    failures = 0
  } catch {
    failures++
  }
  // One request that fails is no news; the second is.
  const text = failures > 1 ? (lost.dataset.lost ?? '') : ''
  if (lost.textContent !== text) lost.textContent = text
  tick()
  plan(bidden)
}

function plan(bidden: string | null = null): void {
  clearTimeout(timer)
  if (every() > 0 && !document.hidden) timer = setTimeout(() => void ask(), pause(every(), failures, bidden))
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(timer)
  if (!document.hidden && every() > 0) void ask()
})
addEventListener('online', () => every() > 0 && void ask())
setInterval(tick, 1000)
tick()
plan()
