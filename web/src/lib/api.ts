import type { Page } from './types'

/** What the depot refused, with every invalid field (RFC 9457). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(message)
  }

  /** The message, with each invalid field's. */
  get told(): string {
    return [this.message, ...Object.entries(this.fields).map(([field, said]) => `${field}: ${said}`)].join(' ')
  }

  static of(error: unknown): Refused {
    return error instanceof Refused ? error : new Refused(0, String(error))
  }
}

/** `lost`: writes are blocked while the browser cannot reach the box; the live client sets this. `ahead`: by how much the depot's clock
 * is ahead of this computer's, in ms, to the second, as its last answer has it. */
export const reach = { lost: false, ahead: 0 }

interface Options {
  method?: string
  body?: unknown
  key?: string
  /** The version that is meant; the depot refuses with 412 when there is a newer one. */
  version?: number
  signal?: AbortSignal
}

/** Calls `/api/v1{path}` and gives its JSON; throws {@link Refused}. */
export async function api<T>(path: string, { method, body, key, version, signal }: Options = {}): Promise<T> {
  const verb = method ?? (body === undefined ? 'GET' : 'POST')
  if (verb !== 'GET' && reach.lost) throw new Refused(0, 'The depot cannot be reached, so nothing can be changed now.')
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (key) headers['idempotency-key'] = key
  if (version !== undefined) headers['if-match'] = `"${version}"`
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { method: verb, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new Refused(0, 'The depot did not answer. Is this computer still in its network?')
  }
  const told = Date.parse(response.headers.get('date') ?? '')
  if (!Number.isNaN(told)) reach.ahead = told - Date.now()
  const text = await response.text()
  let json: unknown
  try {
    json = text === '' ? undefined : JSON.parse(text)
  } catch {
    json = undefined
  }
  if (response.ok) return json as T
  throw refused(response.status, json)
}

/** All items of a list, page after page. */
export async function all<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Page<T> = await api(`${path}?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { signal })
    items.push(...page.items)
    cursor = page.next
  }
  return items
}

/** Reads a problem document. */
export function refused(status: number, json: unknown): Refused {
  const problem = (json ?? {}) as { title?: string; detail?: string; errors?: { field: string; message: string }[] }
  const fields = Object.fromEntries((problem.errors ?? []).map((e) => [e.field, e.message]))
  return new Refused(status, problem.detail ?? problem.title ?? `The depot answered ${status}.`, fields)
}

/** Drops what was left empty, so that the depot sees only what was filled in. */
export function filled<T extends Record<string, unknown>>(form: T): Partial<T> {
  return Object.fromEntries(Object.entries(form).filter(([, v]) => v !== '' && v !== null && v !== undefined)) as Partial<T>
}

/** A key that makes a repeated POST harmless. `crypto.randomUUID` needs HTTPS; a depot's LAN may not have it. */
export function idempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
