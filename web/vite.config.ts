import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

/** The API's reference pages: finished bundles, served as they are. */
function reference(): Plugin {
  const vendor = (file: string) => readFileSync(join(import.meta.dirname, 'node_modules', file))
  return {
    name: 'depotd-reference',
    apply: 'build',
    generateBundle() {
      for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
        this.emitFile({ type: 'asset', fileName: `reference/${name}`, source: vendor(`swagger-ui-dist/${name}`) })
      }
      // Its footer would fetch a logo from elsewhere; a depot may have no internet.
      const redoc = vendor('redoc/bundles/redoc.standalone.js').toString()
      const local = redoc.replaceAll('https://cdn.redoc.ly/redoc/logo-mini.svg', '/icon.svg')
      this.emitFile({ type: 'asset', fileName: 'reference/redoc.standalone.js', source: local })
    },
  }
}

/** Tells the driver's service worker what the driver's page consists of. */
function offline(): Plugin {
  const [page, worker, push] = ['driver.html', 'driver-sw.js', 'push-sw.js']
  return {
    name: 'depotd-offline',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const found = new Set<string>()
      const walk = (name: string) => {
        const chunk = bundle[name]
        if (found.has(name) || chunk?.type !== 'chunk') return
        found.add(name)
        for (const css of chunk.viteMetadata?.importedCss ?? []) found.add(css)
        if (chunk.dynamicImports.length > 0) this.error(`${name} loads ${chunk.dynamicImports} later, when another version may be there`)
        for (const next of chunk.imports) walk(next)
      }
      const entry = Object.values(bundle).find((c) => c.type === 'chunk' && c.isEntry && c.facadeModuleId?.endsWith(page))
      const sw = bundle[worker]
      if (!entry || sw?.type !== 'chunk') this.error(`the driver's page needs ${page} and ${worker}`)
      for (const one of [worker, push].map((name) => bundle[name])) {
        if (one?.type !== 'chunk' || one.imports.length > 0) this.error(`${worker} and ${push} must each stand alone`)
      }
      walk(entry.fileName)
      const html = bundle[page]
      const fixed = ['icon.svg', 'icon-192.png', 'driver.webmanifest']
      const hash = createHash('sha256').update(html?.type === 'asset' ? html.source : '')
      for (const name of fixed) hash.update(readFileSync(join(import.meta.dirname, 'public', name)))
      const files = ['/driver', ...[...found].sort().map((name) => `/${name}`), ...fixed.map((name) => `/${name}`)]
      const name = `driver-${hash.update(files.join()).digest('hex').slice(0, 12)}`
      sw.code = `const __PAGE__ = ${JSON.stringify({ name, files })};\n${sw.code}`
    },
  }
}

/** Puts `.br` and `.gz` beside each text file, for release builds only: it takes a while. */
function precompress(): Plugin {
  let out = ''
  return {
    name: 'depotd-precompress',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir
    },
    async closeBundle() {
      if (process.env.DEPOTD_COMPRESS !== '1') return
      for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|mjs|css|html|json|svg|txt)$/.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        const text = await readFile(path)
        if (text.length < 512) continue
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length }
        await writeFile(`${path}.br`, brotliCompressSync(text, { params }))
        await writeFile(`${path}.gz`, gzipSync(text, { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  plugins: [svelte(), reference(), offline(), precompress()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The content security policy forbids what inlining needs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
    rolldownOptions: {
      // The console, the driver's page, and the tracking page, which people outside the depot load.
      input: { index: 'index.html', driver: 'driver.html', track: 'track.html', 'driver-sw': 'src/driver/worker.ts', 'push-sw': 'src/lib/push-worker.ts' },
      // Its name is its identity: a service worker has no hash in it.
      output: { entryFileNames: ({ name }) => (name.endsWith('-sw') ? '[name].js' : 'assets/[name]-[hash].js') },
    },
  },
  server: { proxy: { '/api': { target: process.env.DEPOTD_URL ?? 'http://127.0.0.1:8080', ws: true } } },
})
