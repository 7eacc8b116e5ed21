/** Shows what the depot says though no page is open: the service worker of the console, and part of the driver's. */
/** What the browser's library of types has for workers only. */
interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void
}
interface Pushed extends Lasting {
  readonly data: { json(): unknown } | null
}
interface Clicked extends Lasting {
  readonly notification: Notification
}
interface Page {
  readonly url: string
  focus(): Promise<unknown>
}
declare const registration: ServiceWorkerRegistration
declare const clients: { matchAll(which: object): Promise<Page[]>; openWindow(url: string): Promise<unknown> }

/** What the depot says; `url` is the page that it leads to, `tag` names what it is about. */
interface Said {
  title: string
  text: string
  tag: string
  url: string
}

addEventListener('push', (event) => {
  const pushed = event as Pushed
  const said = pushed.data?.json() as Said | undefined
  if (!said) return
  // What is newer takes the place of what was said before, and is heard too.
  const shown = { body: said.text, tag: said.tag, renotify: true, icon: '/icon-192.png', data: said.url }
  pushed.waitUntil(registration.showNotification(said.title, shown))
})

addEventListener('notificationclick', (event) => {
  const clicked = event as Clicked
  const { notification } = clicked
  notification.close()
  const wanted = new URL(String(notification.data), location.origin)
  const lead = async () => {
    const open = await clients.matchAll({ type: 'window', includeUncontrolled: true })
    const there = open.find((page) => new URL(page.url).pathname === wanted.pathname)
    await (there ? there.focus() : clients.openWindow(wanted.href))
  }
  clicked.waitUntil(lead())
})

export {}
