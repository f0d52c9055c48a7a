import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// The page's content security policy allows no style elements but those with its
// nonce, and sonner knows no nonce: its stylesheet is imported instead.
const sonnerWithoutStyleElement: Plugin = {
  name: 'sonner-without-style-element',
  transform(code, id) {
    if (!id.includes('/sonner/dist/')) return null
    return { code: code.replace(/^__insertCSS\(.*\);?$/m, ''), map: null }
  },
}

const target = process.env.ETLPORTAL_URL ?? 'http://127.0.0.1:8080'
// The portal refuses changes that come from another origin.
const backend = { target, changeOrigin: true, headers: { origin: target } }

export default defineConfig({
  plugins: [react(), tailwindcss(), sonnerWithoutStyleElement],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: 'dist/app',
    emptyOutDir: true,
    target: 'es2022',
    manifest: 'manifest.json',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/api': backend, '/docs': backend, '/openapi.json': backend } },
  test: {
    environment: 'jsdom',
    // A bound for what hangs; a busy machine needs seconds for a whole page.
    testTimeout: 30_000,
    environmentOptions: { jsdom: { url: 'http://localhost:3000' } },
    globals: true,
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/shared/test/setup.ts'],
    css: false,
    restoreMocks: true,
  },
})
