import { api, Refused } from './api'

const HOME_SCREEN = 'On an iPhone or iPad this works once the page is on the home screen: Share, then Add to Home Screen, and open it from there.'
const DENIED = 'The browser was told to show no notifications: allow them in the settings of this page.'

/** Why this browser cannot be told anything while its page is closed; empty when it can. */
function hindrance(): string {
  if (!isSecureContext || !('serviceWorker' in navigator)) return 'This works only over HTTPS: ask the depot for its secure address.'
  if ('PushManager' in window && 'Notification' in window) return Notification.permission === 'denied' ? DENIED : ''
  const apple = /iP(hone|ad|od)/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1)
  return apple ? HOME_SCREEN : 'This browser cannot be told anything when its page is closed.'
}

const base64url = (bytes: ArrayBuffer | null) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer()))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

/** Settles when the worker can take what is pushed. */
async function active(registration: ServiceWorkerRegistration): Promise<ServiceWorkerRegistration> {
  const coming = registration.installing ?? registration.waiting
  if (!registration.active && coming) {
    await new Promise<void>((done, failed) =>
      coming.addEventListener('statechange', () => {
        if (coming.state === 'activated') done()
        else if (coming.state === 'redundant') failed(new Error('The browser could not start what shows notifications.'))
      }),
    )
  }
  return registration
}

/** Tells people though their page is closed, while they want it to: the browser's subscription is what says so. */
export class Told {
  on = $state(false)
  fault = $state('')

  /** By the service worker of that `script`, for the pages below `scope`. */
  constructor(
    private readonly script: string,
    private readonly scope: string,
  ) {}

  /** Why it cannot; empty when it can. */
  get hindrance(): string {
    return hindrance()
  }

  /** As it was when the page was last open; the depot hears of it again, for the session may be another. */
  async resume(): Promise<void> {
    if (this.hindrance || Notification.permission !== 'granted') return
    this.on = Boolean(await this.known())
    // What fails now is tried when the page is opened next.
    if (this.on) await this.subscribe().catch(() => {})
  }

  /** To be called by a click: browsers ask for leave only then. */
  async start(): Promise<void> {
    this.on = true
    this.fault = ''
    try {
      if ((await Notification.requestPermission()) !== 'granted') throw new Error(DENIED)
      await this.subscribe()
    } catch (error) {
      this.on = false
      this.fault = error instanceof Refused ? error.told : error instanceof Error ? error.message : String(error)
    }
  }

  async stop(): Promise<void> {
    this.fault = ''
    await this.forget()
    await api('/push/subscriptions', { method: 'DELETE' }).catch((error: unknown) => (this.fault = Refused.of(error).told))
  }

  /** Takes the browser's subscription away, as whoever signs out has it: the depot forgets it with the session. */
  async forget(): Promise<void> {
    this.on = false
    await (await this.known())?.unsubscribe().catch(() => false)
  }

  private async known(): Promise<PushSubscription | null | undefined> {
    const found = await navigator.serviceWorker?.getRegistration(this.scope)
    return found?.scope === new URL(this.scope, location.origin).href ? found.pushManager?.getSubscription() : null
  }

  private async subscribe(): Promise<void> {
    const { key } = await api<{ key: string }>('/push/key')
    const { pushManager } = await active(await navigator.serviceWorker.register(this.script, { scope: this.scope }))
    let subscription = await pushManager.getSubscription()
    if (subscription && base64url(subscription.options.applicationServerKey) !== key) {
      // The depot has another key since; with the old one nothing comes.
      await subscription.unsubscribe()
      subscription = null
    }
    subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    const { endpoint, keys } = subscription.toJSON()
    await api('/push/subscriptions', { method: 'PUT', body: { endpoint, keys } })
  }
}
