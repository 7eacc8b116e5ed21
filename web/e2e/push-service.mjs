// A push service, and the browser's side of what it carries (RFC 8291).
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'

/** One that keeps what it takes. */
export async function pushService() {
  const taken = []
  const server = createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    taken.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts) })
    response.writeHead(201).end()
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { origin: `http://127.0.0.1:${server.address().port}`, taken, stop: () => new Promise((done) => server.close(done)) }
}

/** A browser's keys; `read` says what a body holds. */
export function keys() {
  const [mine, auth] = [createECDH('prime256v1'), randomBytes(16)]
  const p256dh = mine.generateKeys()
  return {
    p256dh: p256dh.toString('base64url'),
    auth: auth.toString('base64url'),
    read(body) {
      const [salt, theirs, record] = [body.subarray(0, 16), body.subarray(21, 21 + body[20]), body.subarray(21 + body[20])]
      const derive = (secret, by, info, size) => Buffer.from(hkdfSync('sha256', secret, by, info, size))
      const secret = derive(mine.computeSecret(theirs), auth, Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, theirs]), 32)
      const opening = createDecipheriv('aes-128-gcm', derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16), derive(secret, salt, 'Content-Encoding: nonce\0', 12))
      opening.setAuthTag(record.subarray(-16))
      const plain = Buffer.concat([opening.update(record.subarray(0, -16)), opening.final()])
      return plain.subarray(0, plain.lastIndexOf(2)).toString()
    },
  }
}
