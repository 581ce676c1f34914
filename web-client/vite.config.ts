import vue from '@vitejs/plugin-vue'
import { fileURLToPath, URL } from 'node:url'
import { defineConfig } from 'vite'
import { compress } from './build/compress.ts'
import { serviceWorker } from './build/service-worker.ts'

// `npm run dev` talks to a running server: HQ's of the demo, unless told otherwise.
const server = process.env['TRADEPOST_SERVER'] ?? 'http://127.0.0.1:3000'

export default defineConfig({
  plugins: [vue(), serviceWorker(), compress()],
  resolve: {
    alias: {
      '@': fileURLToPath(new URL('./src', import.meta.url)),
      // PrimeVue writes its styles into <style> elements, which a strict Content-Security-Policy refuses.
      '@primevue/core/usestyle': fileURLToPath(new URL('./src/ui/adopted-style.ts', import.meta.url)),
    },
  },
  build: {
    target: 'es2022',
    sourcemap: false,
    // data: URLs are not in the policy for fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/api': server, '/config.json': server },
  },
})
