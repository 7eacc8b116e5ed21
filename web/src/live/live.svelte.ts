import { reach } from '../lib/api'
import { backoff, World, type Frame } from './world'
import type { StaffMessage } from '../notify/types'

/** The live socket. `rev` moves whenever the world did: read it to be told. */
class LiveSocket {
  readonly world = new World()
  rev = $state(0)
  state: 'connecting' | 'open' | 'lost' = $state('connecting')
  /** The depot's time in ms, ticking; ages are told by it, not by this computer's clock. */
  now = $state(Date.now())
  private offset: number | null = null
  private socket: WebSocket | undefined
  private tries = 0
  private wanted = false
  private selected: string | null = null
  private figures = false
  private timer: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private onSignedOut: () => void = () => {}
  private readonly hearers = new Set<(message: StaffMessage | null) => void>()

  constructor() {
    setInterval(() => (this.now = Date.now() + (this.offset ?? reach.ahead)), 1000)
    window.addEventListener('online', () => this.hurry())
  }

  start(onSignedOut: () => void): void {
    this.onSignedOut = onSignedOut
    if (this.wanted) return
    this.wanted = true
    this.connect()
  }

  stop(): void {
    this.wanted = false
    clearTimeout(this.timer)
    clearTimeout(this.silence)
    this.socket?.close()
    this.socket = undefined
    this.state = 'connecting'
    this.offset = null
    reach.lost = false
  }

  /** The vehicle that is to be heard of four times a second. */
  select(vehicle: string | null): void {
    if (vehicle === this.selected) return
    this.selected = vehicle
    this.subscribe()
  }

  /** Hears of what happened today, until the answer is called. */
  follow(): () => void {
    const ask = (figures: boolean) => {
      this.figures = figures
      this.world.figures = null
      this.subscribe()
    }
    ask(true)
    return () => ask(false)
  }

  /** Tells `hearer` what is said to those at the console, and with null that something may have been missed, until the answer is called. */
  hear(hearer: (message: StaffMessage | null) => void): () => void {
    this.hearers.add(hearer)
    return () => this.hearers.delete(hearer)
  }

  /** Tells readers that the world changed by another way than a frame. */
  touch(): void {
    this.rev += 1
  }

  private hurry(): void {
    if (!this.wanted || this.state !== 'lost') return
    clearTimeout(this.timer)
    this.connect()
  }

  private connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`)
    this.socket = socket
    this.listen(socket)
    socket.onopen = () => this.subscribe()
    socket.onmessage = (message) => this.take(socket, JSON.parse(String(message.data)) as Frame)
    socket.onclose = () => {
      if (this.socket === socket) this.lose()
    }
  }

  private subscribe(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return
    this.socket.send(JSON.stringify({ subscribe: { vehicles: 'all', bookings: true, select: this.selected, figures: this.figures, messages: true } }))
  }

  private take(socket: WebSocket, frame: Frame): void {
    if (this.socket !== socket) return
    this.listen(socket)
    if (!this.world.apply(frame)) {
      socket.close()
      return
    }
    if (frame.t !== 'sel') {
      this.offset = frame.now - Date.now()
      this.now = frame.now
    }
    if (frame.t === 'snapshot') {
      this.tries = 0
      this.state = 'open'
      reach.lost = false
    }
    this.rev += 1
    if (frame.t === 'message' || frame.t === 'snapshot') {
      for (const hearer of this.hearers) hearer(frame.t === 'message' ? frame.message : null)
    }
  }

  /** The depot gives a sign of life every few seconds; a link that is silent for long is dead, though it may not know. */
  private listen(socket: WebSocket): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      socket.close()
      if (this.socket === socket) this.lose()
    }, 20_000)
  }

  private lose(): void {
    clearTimeout(this.silence)
    this.socket = undefined
    if (!this.wanted) return
    this.state = 'lost'
    reach.lost = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.again(), backoff(this.tries, Math.random()))
    this.tries += 1
  }

  /** Asks first whether the session still holds: a refused socket does not say why. */
  private async again(): Promise<void> {
    try {
      const answer = await fetch('/api/v1/session', { signal: AbortSignal.timeout(5000) })
      const session = (await answer.json()) as { user: unknown }
      if (answer.ok && session.user === null) {
        this.stop()
        this.onSignedOut()
        return
      }
    } catch {
      this.lose()
      return
    }
    if (this.wanted) this.connect()
  }
}

export const live = new LiveSocket()
