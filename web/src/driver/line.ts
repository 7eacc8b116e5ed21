import { refused } from '../lib/api'
import type { Line, Told } from './outbox'
import type { Fix, Picture, Step } from './types'

/** What the depot said; status 0: it did not. */
export interface Answer {
  status: number
  json: unknown
  etag: string | null
  /** By how much the depot's clock is ahead of the phone's, in ms; null: it did not say. */
  ahead: number | null
}

interface Asked {
  method?: string
  json?: unknown
  blob?: Blob
  /** The version that is known already. */
  known?: string | null
}

/** Longest wait for an answer in ms; pictures take longer. */
const [WAIT, LONG] = [15_000, 60_000]

/** Calls `/api/v1{path}`; it never throws. */
export async function ask(path: string, { method, json, blob, known }: Asked = {}): Promise<Answer> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (json !== undefined) headers['content-type'] = 'application/json'
  if (blob) headers['content-type'] = blob.type
  if (known) headers['if-none-match'] = known
  try {
    const response = await fetch(`/api/v1${path}`, {
      method: method ?? (json === undefined ? 'GET' : 'POST'),
      headers,
      body: blob ?? (json === undefined ? undefined : JSON.stringify(json)),
      signal: AbortSignal.timeout(blob ? LONG : WAIT),
    })
    const text = await response.text()
    const told = Date.parse(response.headers.get('date') ?? '')
    return { status: response.status, json: parsed(text), etag: response.headers.get('etag'), ahead: Number.isNaN(told) ? null : told - Date.now() }
  } catch {
    return { status: 0, json: undefined, etag: null, ahead: null }
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Why the depot refused, in words. */
export const why = ({ status, json }: Answer): string => (status === 0 ? 'There is no line to the depot.' : refused(status, json).told)

function told(answer: Answer): Told {
  const { status } = answer
  if (status >= 200 && status < 300) return { kind: 'ok' }
  if (status === 0 || status === 408 || status === 429) return { kind: 'away' }
  if (status === 401) return { kind: 'stranger' }
  return status >= 500 ? { kind: 'trouble' } : { kind: 'refused', why: why(answer) }
}

/** The depot over HTTP. */
export const depot: Line = {
  async upload({ id, blob }: Picture): Promise<Told> {
    return told(await ask(`/drivers/me/attachments/${id}`, { method: 'PUT', blob }))
  },

  async step({ id, booking_id, step, at, proof }: Step): Promise<Told> {
    const answer = await ask('/drivers/me/steps', { json: { steps: [{ id, booking_id, step, at, ...(proof ? { proof } : {}) }] } })
    const whole = told(answer)
    return whole.kind === 'ok' ? of(id, answer.json) : whole
  },
}

/** What became of a step, as the depot tells it. */
interface Taken {
  id: string
  ok: boolean
  error?: string
  errors?: { field: string; message: string }[]
}

/** What became of the step with this id. An answer that does not name it is not the depot's: a hotel's network answers anything. */
export function of(id: string, json: unknown): Told {
  const items = (json as { items?: unknown } | undefined)?.items
  const mine: Taken | undefined = Array.isArray(items) ? items.find((item) => item?.id === id) : undefined
  if (!mine) return { kind: 'away' }
  if (mine.ok) return { kind: 'ok' }
  return { kind: 'refused', why: [mine.error ?? 'it gave no reason', ...(mine.errors ?? []).map((e) => `${e.field} ${e.message}`)].join('; ') }
}

/** Sends positions; `false`: keep them. */
export async function report(fixes: Fix[]): Promise<Told> {
  return told(await ask('/drivers/me/fixes', { json: fixes }))
}
