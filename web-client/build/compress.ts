import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const brotli = promisify(brotliCompress)
const gzipped = promisify(gzip)

/** Lays `.br` and `.gz` beside what is worth it, so that a store's small box never compresses the same file twice. */
export function compress(): Plugin {
  return {
    name: 'tradepost-compress',
    apply: 'build',
    async writeBundle({ dir }, bundle) {
      const files = Object.keys(bundle).filter((file) => /\.(js|css|html|svg)$/.test(file))
      await Promise.all(
        files.map(async (file) => {
          const path = join(dir ?? 'dist', file)
          const plain = await readFile(path)
          if (plain.length < 1024) return
          const params = { [constants.BROTLI_PARAM_QUALITY]: 10 }
          const [br, gz] = await Promise.all([brotli(plain, { params }), gzipped(plain, { level: 9 })])
          await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)])
        }),
      )
    },
  }
}
