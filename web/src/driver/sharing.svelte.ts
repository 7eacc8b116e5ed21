import type { Place } from '../lib/types'
import { report } from './line'
import type { Fix } from './types'

/** Between two positions that are kept, and between two reports, in ms. */
const [APART, EVERY] = [3_000, 5_000]
/** Positions that wait for a line at most (the oldest go first), and that go at once. */
const [KEPT, ONCE] = [2_000, 200]
const NAME = 'depotd.driver.share'

/** Tells the depot where the phone is, while the driver wants it to. */
class Sharing {
  on = $state(false)
  fault = $state('')
  /** The last position. */
  here: (Place & { at: number }) | null = $state.raw(null)
  private watch: number | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private waiting: Fix[] = []
  private sending = false
  private lock: WakeLockSentinel | null = null

  /** As it was when the page was last open. */
  resume(): void {
    if (localStorage.getItem(NAME) === '1') this.start()
  }

  start(): void {
    if (this.on) return
    if (!isSecureContext || !navigator.geolocation) {
      this.fault = 'This browser tells positions only over HTTPS: ask the depot for its secure address.'
      return
    }
    this.on = true
    this.fault = ''
    localStorage.setItem(NAME, '1')
    this.watch = navigator.geolocation.watchPosition((p) => this.take(p), (e) => this.fail(e), { enableHighAccuracy: true, maximumAge: 2_000 })
    this.timer = setInterval(() => void this.send(), EVERY)
    document.addEventListener('visibilitychange', this.wake)
    this.wake()
  }

  /** `wished`: the driver wants none any more, also next time. */
  stop(wished = true): void {
    if (wished) localStorage.removeItem(NAME)
    this.on = false
    if (this.watch !== undefined) navigator.geolocation.clearWatch(this.watch)
    clearInterval(this.timer)
    document.removeEventListener('visibilitychange', this.wake)
    void this.lock?.release()
    this.lock = null
  }

  private take({ coords, timestamp }: GeolocationPosition): void {
    this.fault = ''
    if (this.here && timestamp - this.here.at < APART) return
    this.here = { lat: coords.latitude, lon: coords.longitude, at: timestamp }
    this.waiting.push({
      ts: new Date(timestamp).toISOString(),
      lat: coords.latitude,
      lon: coords.longitude,
      ...(coords.speed === null ? {} : { speed_kmh: coords.speed * 3.6 }),
      ...(coords.heading === null || Number.isNaN(coords.heading) ? {} : { course: coords.heading }),
      accuracy_m: coords.accuracy,
    })
    if (this.waiting.length > KEPT) this.waiting.shift()
  }

  private fail(error: GeolocationPositionError): void {
    if (error.code === error.PERMISSION_DENIED) {
      this.stop()
      this.fault = 'The browser was told not to share the position: allow it in the settings of this page.'
    } else this.fault = 'No position yet.'
  }

  private async send(): Promise<void> {
    if (this.sending || this.waiting.length === 0) return
    this.sending = true
    const batch = this.waiting.slice(0, ONCE)
    const told = await report(batch)
    // Positions that the depot refuses are of no more use than those that it took.
    if (told.kind === 'ok' || told.kind === 'refused') this.waiting = this.waiting.filter((fix) => !batch.includes(fix))
    if (told.kind === 'refused') this.fault = told.why
    this.sending = false
  }

  /** The screen stays on while positions are shared: a phone that sleeps tells none. */
  private readonly wake = () => {
    if (!this.on || document.hidden || !navigator.wakeLock) return
    const keep = (lock: WakeLockSentinel) => {
      if (this.on) this.lock = lock
      else void lock.release()
    }
    navigator.wakeLock.request('screen').then(keep).catch(() => {})
  }
}

export const sharing = new Sharing()
