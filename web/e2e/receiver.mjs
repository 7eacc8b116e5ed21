// Head office: a receiver that speaks the protocol of the http sink (`depotd receive openapi`) and keeps what it gets in memory.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { decompress } from 'fzstd'

/** A receiver that nobody reaches before {@link up}. It holds its port all the time, so that nobody else gets it. */
export async function receiver() {
  const lanes = new Map()
  const sockets = new Set()
  let reached = false
  const server = createServer((request, response) => {
    answer(lanes, request).then(
      ([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error) => response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ detail: String(error) })),
    )
  })
  server.on('connection', (socket) => {
    if (!reached) return socket.destroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    up: () => (reached = true),
    down() {
      reached = false
      cut()
    },
    /** Digests by number of what it holds of a lane. */
    held: (lane) => [...lanes].find(([name]) => name.endsWith(`/${lane}`))[1].digests,
    stop() {
      cut()
      server.close()
    },
  }
}

async function answer(lanes, request) {
  const url = new URL(request.url, 'http://office')
  const what = `${request.method} ${url.pathname.replace(/^\/v1\/depots\/[^/]+\//, '')}`
  if (what === 'GET cursors') {
    const items = [...lanes].map(([name, { through }]) => ({ epoch: name.split('/')[0], lane: name.split('/')[1], through }))
    return [200, { items }]
  }
  if (what === 'POST batches') return store(lanes, request)
  if (what === 'GET stored') {
    const { epoch, lane, from, to, limit } = Object.fromEntries(url.searchParams)
    const digests = lanes.get(`${epoch}/${lane}`)?.digests ?? new Map()
    const items = [...digests].filter(([seq]) => seq >= Number(from) && seq <= Number(to)).map(([seq, digest]) => ({ seq, digest }))
    return [200, { items: items.slice(0, Number(limit)) }]
  }
  return [404, { detail: `there is no ${what}` }]
}

async function store(lanes, request) {
  const header = (name) => request.headers[`depot-${name}`]
  const [epoch, lane, first, last] = [header('epoch'), header('lane'), Number(header('first-seq')), Number(header('last-seq'))]
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const lines = Buffer.from(decompress(Buffer.concat(chunks))).toString().split('\n').filter(Boolean)
  if (lines.length !== Number(header('records'))) return [422, { detail: `it holds ${lines.length} records` }]
  if (lane === 'live') return [200, { acked_through: last }]
  const name = `${epoch}/${lane}`
  const kept = lanes.get(name) ?? { through: Number(header('epoch-from')) - 1, digests: new Map() }
  if (last <= kept.through) return [200, { acked_through: kept.through }]
  if (first !== kept.through + 1) return [409, { next_expected: kept.through + 1 }]
  for (const line of lines) {
    const { seq } = JSON.parse(line)
    const digest = digestOf(line)
    if (digest) kept.digests.set(seq, digest)
  }
  kept.through = last
  lanes.set(name, kept)
  return [200, { acked_through: last }]
}

/** SHA-256 over what a record says that is never changed; nothing of others. A member that is JSON counts as it is written. */
function digestOf(line) {
  const record = JSON.parse(line)
  const written = (member, behind) => line.slice(line.indexOf(`"${member}":`) + member.length + 3, behind ? line.lastIndexOf(`,"${behind}":`) : -1)
  const at = String(Date.parse(record.at))
  const { actor, action, object, previous, hash, kind, booking_id = '', vehicle_id = '' } = record
  if (record.type === 'audit') return over(['audit', String(record.audit_seq), at, actor, action, object, written('detail', 'previous'), previous, hash])
  if (record.type === 'round') return over(['round', String(record.round_seq), at, booking_id, written('record')])
  if (record.type === 'event') return over(['event', String(record.journal_seq), at, kind, actor, booking_id, vehicle_id, written('data')])
  return null
}

function over(parts) {
  const sha = createHash('sha256')
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(bytes.length))
    sha.update(length).update(bytes)
  }
  return sha.digest('hex')
}
