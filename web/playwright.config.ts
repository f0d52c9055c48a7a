import { defineConfig } from '@playwright/test'

// Two runs at a time keep out of each other's way; workers inherit the name.
process.env.E2E_OUTPUT ??= `test-results/${process.pid}`

export default defineConfig({
  testDir: 'e2e',
  outputDir: process.env.E2E_OUTPUT,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  // Each worker starts a portal with a PostgreSQL of its own.
  workers: Number(process.env.E2E_WORKERS ?? 2),
  fullyParallel: false,
  forbidOnly: true,
  reporter: process.env.CI ? 'line' : 'list',
  use: {
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'] },
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    colorScheme: 'light',
    trace: 'retain-on-failure',
    permissions: ['clipboard-read', 'clipboard-write'],
  },
  projects: [
    { name: 'e2e', testMatch: '*.e2e.ts' },
    { name: 'screenshots', testMatch: '*.shots.ts', use: { deviceScaleFactor: 2 } },
  ],
})
