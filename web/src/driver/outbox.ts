import type { Picture, Queued, Step } from './types'

/** What came of something that was sent: `away`: there is no line; `stranger`: nobody is signed in; `trouble`: the depot could not do it
 * now; `refused`: it never will. */
export type Told = { kind: 'ok' | 'away' | 'stranger' | 'trouble' } | { kind: 'refused'; why: string }

/** The way to the depot. */
export interface Line {
  upload(picture: Picture): Promise<Told>
  step(step: Step): Promise<Told>
}

/** What lasts when the phone is switched off. */
export interface Store {
  /** In the order in which they were made. */
  queued(): Promise<Queued[]>
  /** The step with its pictures, or nothing of them. */
  add(step: Step, pictures: Picture[]): Promise<void>
  picture(id: string): Promise<Picture | undefined>
  /** The depot has the picture. */
  sent(id: string): Promise<void>
  /** Forgets the step and its pictures. */
  done(id: string): Promise<void>
  /** Notes why it was refused; without a reason it is to be sent again. */
  refuse(id: string, why?: string): Promise<void>
}

export const picturesOf = ({ proof }: Step): string[] => [...(proof?.photos ?? []), ...(proof?.signature ? [proof.signature] : [])]

/** Sends steps in the order in which they were made, the pictures of each before it. A step stays until the depot has told what became of
 * it: one whose answer was lost is sent again, with the same id. */
export class Outbox {
  constructor(
    private readonly store: Store,
    private readonly line: Line,
    private readonly changed: () => Promise<void> = async () => {},
  ) {}

  /** Sends what this driver made, until nothing is left that can be sent now. */
  async send(driver: string): Promise<Exclude<Told['kind'], 'refused'>> {
    /** Bookings with which the depot has trouble: what follows for them waits, what is for others does not. */
    const held = new Set<string>()
    for (;;) {
      const next = (await this.store.queued()).find((s) => s.driver === driver && !s.refused && !held.has(s.booking_id))
      if (!next) return held.size > 0 ? 'trouble' : 'ok'
      const told = await this.deliver(next)
      if (told.kind === 'away' || told.kind === 'stranger') return told.kind
      if (told.kind === 'trouble') held.add(next.booking_id)
      else if (told.kind === 'refused') await this.store.refuse(next.id, told.why)
      else await this.store.done(next.id)
      await this.changed()
    }
  }

  private async deliver(step: Step): Promise<Told> {
    for (const id of picturesOf(step)) {
      const picture = await this.store.picture(id)
      if (!picture || picture.sent) continue
      const told = await this.line.upload(picture)
      if (told.kind === 'refused') return { kind: 'refused', why: `A picture was refused: ${told.why}` }
      if (told.kind !== 'ok') return told
      await this.store.sent(id)
    }
    return this.line.step(step)
  }
}
