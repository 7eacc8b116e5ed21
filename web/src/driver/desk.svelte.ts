import type { Session } from '../lib/session.svelte'
import { Poll } from '../lib/poll'
import { toDo } from './jobs'
import { ask, depot, why } from './line'
import { Outbox } from './outbox'
import { uuid } from './photo'
import { Phone } from './phone'
import { told } from './told'
import type { Picture, Proof, Queued, StepName, Work } from './types'
import type { Booking } from '../bookings/types'

/** Between two questions for work in ms: on duty, off duty, and the longest while there is no line. */
const [ON, OFF, SLOWEST] = [5_000, 20_000, 60_000]
/** Between two tries to send what waits while another app is in front, in ms. */
const BEHIND = 30_000

/** Steps that wait on the phone at most: weeks of work without a line. */
const MOST = 500

/** What is kept for a start without a line. */
interface Kept {
  work: Work
  depot: Session['depot']
}

/** What the driver sees, and what is still to be told to the depot. */
class Desk {
  stage: 'opening' | 'signed out' | 'at work' = $state('opening')
  depot: Session['depot'] | null = $state.raw(null)
  work: Work | null = $state.raw(null)
  queued: Queued[] = $state.raw([])
  /** Why there is no work to be shown, or why what is shown is old. */
  fault = $state('')
  /** The depot answered last time. */
  reached = $state(true)
  /** The depot's time in ms, ticking. */
  now = $state(Date.now())
  /** A message, also read aloud. */
  said = $state('')
  private ahead = 0
  private etag: string | null = null
  private phone: Phone | null = null
  private outbox: Outbox | null = null
  private poll: Poll | undefined
  private pace = 0
  private sending = false
  /** Jobs that this driver ended himself. */
  private readonly ended = new Set<string>()

  constructor() {
    setInterval(() => (this.now = Date.now() + this.ahead), 1000)
    setInterval(() => document.hidden && void this.send(), BEHIND)
    addEventListener('online', () => (document.hidden ? void this.send() : this.hurry()))
  }

  get zone(): string | undefined {
    return this.depot?.zone
  }
  get driver() {
    return this.work?.driver ?? null
  }
  get jobs(): Booking[] {
    return this.work ? toDo(this.work.jobs, this.queued) : []
  }
  get waiting(): Queued[] {
    return this.queued.filter((s) => !s.refused)
  }

  /** Reads what the phone keeps, then asks who is signed in. */
  async open(): Promise<void> {
    try {
      this.phone ??= await Phone.open()
      this.outbox ??= new Outbox(this.phone, depot, () => this.recount())
      void navigator.storage?.persist?.()
      await this.recount()
    } catch {
      this.fault = 'This browser keeps nothing, so steps that are made without a line would be lost. Is it in private mode?'
    }
    const kept = await this.phone?.recall<Kept>('work')
    const answer = await ask('/session')
    this.heard(answer.ahead)
    if ((answer.status === 0 || answer.status >= 500) && kept) {
      this.work = kept.work
      this.depot = kept.depot
      this.reached = false
      this.begin()
      return
    }
    const session = answer.json as Session | undefined
    this.depot = session?.depot ?? this.depot
    if (session?.user) this.begin(kept)
    else {
      this.stage = 'signed out'
      this.fault = session ? '' : why(answer)
    }
  }

  private begin(kept?: Kept): void {
    this.stage = 'at work'
    this.work ??= kept?.work ?? null
    this.follow()
  }

  /** Asks for work at the pace that the duty calls for. */
  private follow(): void {
    const pace = this.driver?.duty ? ON : OFF
    if (this.poll && pace === this.pace) return
    this.poll?.stop()
    this.pace = pace
    this.poll = new Poll(() => this.round(), pace, SLOWEST)
  }

  hurry(): void {
    this.poll?.hurry()
  }

  private async round(): Promise<boolean> {
    await this.send()
    const answered = await this.ask()
    // A changed duty changes the pace, once this round is over.
    if (this.stage === 'at work') queueMicrotask(() => this.follow())
    return answered
  }

  private async ask(): Promise<boolean> {
    const answer = await ask('/drivers/me/work', { known: this.work && this.etag })
    this.heard(answer.ahead)
    this.reached = answer.status !== 0
    if (answer.status === 304) return true
    if (answer.status === 401) {
      this.leave()
      return true
    }
    if (answer.status !== 200) {
      this.fault = answer.status === 0 ? '' : why(answer)
      return false
    }
    const work = answer.json as Work
    const known = new Set(this.work?.offers.map((o) => o.booking.id))
    if (work.offers.some((o) => !known.has(o.booking.id))) navigator.vibrate?.([200, 100, 200])
    const lost = this.work?.jobs.filter((job) => !this.ended.has(job.id) && !work.jobs.some((j) => j.id === job.id)) ?? []
    if (lost.length > 0) this.tell(`${lost.map((job) => job.ref).join(', ')} is no longer yours: the depot took it back.`)
    this.work = work
    this.etag = answer.etag
    this.fault = ''
    await this.keep()
    return true
  }

  /** Says something that the driver has to know though he looks elsewhere. */
  private tell(what: string): void {
    this.said = what
    navigator.vibrate?.(400)
  }

  private heard(ahead: number | null): void {
    if (ahead !== null) this.ahead = ahead
  }

  private async keep(): Promise<void> {
    if (!this.work || !this.depot) return
    await this.phone?.keep('work', { work: this.work, depot: this.depot } satisfies Kept).catch(() => {})
  }

  private async recount(): Promise<void> {
    this.queued = (await this.phone?.queued()) ?? []
    for (const { step, booking_id } of this.queued) if (step === 'delivered' || step === 'failed') this.ended.add(booking_id)
  }

  /** Keeps a step with its pictures, and sends it when there is a line. */
  async make(job: Booking, step: StepName, proof?: Proof, pictures: Picture[] = []): Promise<void> {
    if (!this.phone || !this.driver) throw new Error('This browser keeps nothing: the step was not made.')
    if (this.queued.length >= MOST) throw new Error(`${MOST} steps wait on this phone already: find a line first.`)
    const at = new Date().toISOString()
    await this.phone.add({ id: uuid(), driver: this.driver.id, booking_id: job.id, ref: job.ref, step, at, ...(proof ? { proof } : {}) }, pictures)
    await this.recount()
    this.hurry()
  }

  /** Sends what waits. Of several open pages one sends, where the browser can tell. */
  private async send(): Promise<void> {
    const [outbox, driver] = [this.outbox, this.driver?.id]
    if (!outbox || !driver || this.sending || !this.queued.some((s) => s.driver === driver && !s.refused)) return
    this.sending = true
    const whole = async () => {
      const end = await outbox.send(driver)
      if (end === 'stranger') this.leave()
    }
    try {
      if (navigator.locks) await navigator.locks.request('depotd-outbox', { ifAvailable: true }, (lock) => (lock ? whole() : undefined))
      else await whole()
    } finally {
      this.sending = false
      await this.recount()
    }
    this.etag = null
  }

  async again(step: Queued): Promise<void> {
    await this.phone?.refuse(step.id)
    await this.recount()
    this.hurry()
  }
  async drop(step: Queued): Promise<void> {
    await this.phone?.done(step.id)
    await this.recount()
  }

  /** Does something that needs the depot; gives what it said against it, or nothing. */
  async call(path: string, json: unknown): Promise<string> {
    const answer = await ask(path, { json })
    if (answer.status === 401) this.leave()
    if (answer.status < 200 || answer.status >= 300) return why(answer)
    this.etag = null
    await this.ask()
    this.follow()
    return ''
  }

  async signIn(name: string, password: string): Promise<string> {
    const answer = await ask('/session', { json: { name, password } })
    if (answer.status !== 200) return why(answer)
    this.work = null
    this.etag = null
    await this.open()
    return ''
  }
  async signOut(): Promise<void> {
    const answer = await ask('/session', { method: 'DELETE' })
    if (answer.status === 0) {
      this.said = why(answer)
      return
    }
    void told.forget()
    this.leave()
  }

  /** What waits stays: it is sent when the same driver signs in again. */
  private leave(): void {
    this.poll?.stop()
    this.poll = undefined
    this.work = null
    this.etag = null
    this.stage = 'signed out'
    void this.phone?.keep('work', undefined)
  }
}

export const desk = new Desk()
