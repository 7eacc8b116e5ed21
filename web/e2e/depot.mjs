// A depot of its own for a test, on free ports, in a directory that goes with it.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const bin = resolve(process.env.DEPOTD_BIN ?? join(import.meta.dirname, '../../target/debug/depotd'))
const START = 30_000

/** A fleet that drives sixty times as fast as a real one. */
export const demo = () => start(['demo', '--port', '0', '--speed', '60'], 'login')

/** As it is after its installation: no user, no vehicle; with these settings, if any. */
export const fresh = (settings = '') => start(serve('127.0.0.1:0'), 'setup', settings)

const serve = (http) => ['serve', '--http-listen', http, '--mqtt-listen', '127.0.0.1:0', '--mqtts-listen', '127.0.0.1:0']

async function start(args, key, settings = '') {
  if (!existsSync(bin)) throw new Error(`${bin} is missing: build it, or name another in DEPOTD_BIN`)
  const dir = mkdtempSync(join(tmpdir(), 'depotd-e2e-'))
  const configure = (text) => text && writeFileSync(join(dir, 'config.toml'), text)
  configure(settings)
  let running = new Process(args, dir)
  async function stop() {
    await running.end()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const link = await running.printed(new RegExp(`https?://\\S+#${key}=[\\w-]+`))
    const { origin, host } = new URL(link)
    return {
      link,
      origin,
      stop,
      /** Its database: what only months would bring about is written there. */
      db: join(dir, 'depotd-data/ops.db'),
      /** Ends it as a power cut does, and leaves its data. */
      cut: () => running.end('SIGKILL'),
      /** Starts it again where it was, with other settings. */
      async again(text) {
        configure(text)
        running = new Process(serve(host), dir)
        await running.printed(new RegExp(host))
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A depotd that goes with the tests. */
class Process {
  constructor(args, dir) {
    this.child = spawn(bin, args, { cwd: dir, env: { ...process.env, TMPDIR: dir }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.abandon = () => this.child.kill('SIGKILL')
    process.once('exit', this.abandon)
    this.ended = new Promise((done) => this.child.once('exit', done))
  }

  async end(signal = 'SIGTERM') {
    this.child.kill(signal)
    await this.ended
    process.off('exit', this.abandon)
  }

  printed(pattern) {
    return printed(this.child, pattern)
  }
}

/** What the process prints that looks like this. */
function printed(child, pattern) {
  let said = ''
  return new Promise((found, failed) => {
    const fail = (what) => failed(new Error(`${what}; depotd said:\n${said}`))
    const timer = setTimeout(() => fail(`what was waited for did not come within ${START / 1000} s`), START)
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
