// A depot of its own for a test, on free ports, in a directory that goes with it.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const bin = resolve(process.env.DEPOTD_BIN ?? join(import.meta.dirname, '../../target/debug/depotd'))
const START = 30_000

/** A fleet that drives sixty times as fast as a real one. */
export const demo = () => start(['demo', '--port', '0', '--speed', '60'], 'login')

/** As it is after its installation: no user, no vehicle. */
export const fresh = () => start(['serve', '--http-listen', '127.0.0.1:0', '--mqtt-listen', '127.0.0.1:0', '--mqtts-listen', '127.0.0.1:0'], 'setup')

async function start(args, key) {
  if (!existsSync(bin)) throw new Error(`${bin} is missing: build it, or name another in DEPOTD_BIN`)
  const dir = mkdtempSync(join(tmpdir(), 'depotd-e2e-'))
  const child = spawn(bin, args, { cwd: dir, env: { ...process.env, TMPDIR: dir }, stdio: ['ignore', 'pipe', 'pipe'] })
  const abandon = () => child.kill('SIGKILL')
  process.once('exit', abandon)
  const ended = new Promise((done) => child.once('exit', done))
  async function stop() {
    child.kill('SIGTERM')
    await ended
    process.off('exit', abandon)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const link = await printed(child, new RegExp(`https?://\\S+#${key}=[\\w-]+`))
    return { link, origin: new URL(link).origin, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the process prints that looks like this. */
function printed(child, pattern) {
  let said = ''
  return new Promise((found, failed) => {
    const fail = (what) => failed(new Error(`${what}; depotd said:\n${said}`))
    const timer = setTimeout(() => fail(`no link came within ${START / 1000} s`), START)
    const hear = (chunk) => {
      said += chunk
      const match = pattern.exec(said)
      if (!match || said.length === match.index + match[0].length) return
      clearTimeout(timer)
      found(match[0])
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', failed)
    child.once('exit', (code) => fail(`it ended with ${code}`))
  })
}
