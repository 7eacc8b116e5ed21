// The official Socket.IO client, driven line by line: reads {"emit", "body", "id"} from stdin, writes what happens to stdout.
// usage: node socket-client.mjs URL TRANSPORT AUTH HEADERS CALLBACK
import { io } from 'socket.io-client'
import { createInterface } from 'node:readline'

const [url, transport, auth, headers, callback] = process.argv.slice(2)
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const socket = io(url, {
  transports: transport === 'both' ? ['polling', 'websocket'] : [transport],
  auth: JSON.parse(auth),
  extraHeaders: JSON.parse(headers),
  reconnection: false,
  forceNew: true,
})
socket.on('connect', () => say({ is: 'connected' }))
socket.on('connect_error', (error) => say({ is: 'refused', data: error.message }))
socket.on('disconnect', (reason) => say({ is: 'gone', data: reason }))
socket.onAny((event, data, back) => {
  say({ is: event, data, at: Date.now() })
  if (callback === 'yes' && typeof back === 'function') back()
})
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const { emit, body, id } = JSON.parse(line)
  socket.emit(emit, body, (data) => say({ is: 'answer', id, data, at: Date.now() }))
})
lines.on('close', () => {
  socket.disconnect()
  process.exit(0)
})
