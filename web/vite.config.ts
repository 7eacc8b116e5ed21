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
  plugins: [svelte(), reference(), precompress()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The content security policy forbids what inlining needs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
    // The console, and the tracking page, which people outside the depot load.
    rolldownOptions: { input: ['index.html', 'track.html'] },
  },
  server: { proxy: { '/api': { target: process.env.DEPOTD_URL ?? 'http://127.0.0.1:8080', ws: true } } },
})
