import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

/** What the shell needs to open without a server: all but the font subsets that a Latin script never asks for. */
function isShell(file: string): boolean {
  if (file.endsWith('.map')) return false
  if (file.endsWith('.woff2')) return /inter-latin-(ext-)?wght/.test(file)
  return true
}

/**
 * Writes `sw.js` with the list of the shell's files. A dependency for this would bring a hundred packages; the worker itself
 * is forty lines.
 */
export function serviceWorker(): Plugin {
  const template = fileURLToPath(new URL('./sw.js', import.meta.url))
  return {
    name: 'tradepost-service-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const assets = Object.keys(bundle).filter((file) => file.startsWith('assets/') && isShell(file))
      const shell = ['/', '/appearance.js', '/icon.svg', ...assets.sort().map((file) => `/${file}`)]
      const source = readFileSync(template, 'utf8')
      const version = createHash('sha256').update(source).update(shell.join()).digest('hex').slice(0, 12)
      this.emitFile({
        type: 'asset',
        fileName: 'sw.js',
        source: source
          .replace("'__VERSION__'", JSON.stringify(version))
          .replace("'__SHELL__'", shell.map((file) => JSON.stringify(file)).join(',\n  ')),
      })
    },
  }
}
