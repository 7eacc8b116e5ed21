/** Keeps the driver's page on the phone, so that it starts without a line. It is whole or not at all. A new one takes over at once: a page
 * of the old one has all that it needs, and is the new one when it starts again. What is asked of the API is none of its business; what
 * the depot says while the page is closed is shown as at the console. */
/** What the browser's library of types has for workers only. */
interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void
}
interface Fetched extends Lasting {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}
declare const clients: { claim(): Promise<void> }
declare function skipWaiting(): Promise<void>
declare function importScripts(url: string): void

/** Put here by the build: what the page consists of, and a name for just that. */
declare const __PAGE__: { name: string; files: string[] }
const PAGE = '/driver'

importScripts('/push-sw.js')

addEventListener('install', (event) => {
  ;(event as Lasting).waitUntil(caches.open(__PAGE__.name).then((cache) => cache.addAll(__PAGE__.files)).then(() => skipWaiting()))
})

addEventListener('activate', (event) => {
  const clear = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith('driver-') && name !== __PAGE__.name)
    await Promise.all(old.map((name) => caches.delete(name)))
    await clients.claim()
  }
  ;(event as Lasting).waitUntil(clear())
})

addEventListener('fetch', (event) => {
  const asked = event as Fetched
  const { request } = asked
  const { pathname, origin } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin || pathname.startsWith('/api/')) return
  const wanted = request.mode === 'navigate' ? PAGE : pathname
  if (!__PAGE__.files.includes(wanted)) return
  asked.respondWith(caches.open(__PAGE__.name).then((cache) => cache.match(wanted)).then((kept) => kept ?? fetch(request)))
})

export {}
