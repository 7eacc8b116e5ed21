/** Asks now and every so many ms, but not while the page is hidden. While nobody answers, each wait is twice the one before, up to the
 * slowest. It goes on until it is stopped. */
export class Poll {
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false
  private asking = false
  private hurried = false
  private wait: number

  /** `ask` says whether there was an answer, and does not throw. */
  constructor(
    private readonly ask: () => Promise<boolean>,
    private readonly every: number,
    private readonly slowest = every,
  ) {
    this.wait = every
    document.addEventListener('visibilitychange', this.seen)
    this.seen()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    document.removeEventListener('visibilitychange', this.seen)
  }

  /** Does not wait any longer; while an answer is on its way, it asks again after it. */
  hurry(): void {
    this.hurried = this.asking
    void this.round()
  }

  private readonly seen = () => void this.round()

  private async round(): Promise<void> {
    clearTimeout(this.timer)
    if (this.stopped || this.asking || document.hidden) return
    this.asking = true
    const answered = await this.ask()
    this.asking = false
    this.wait = answered ? this.every : Math.min(this.slowest, this.wait * 2)
    if (!this.stopped) this.timer = setTimeout(() => void this.round(), this.hurried ? 0 : this.wait)
    this.hurried = false
  }
}
