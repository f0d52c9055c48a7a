import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/runs', lazy: { Component: async () => (await import('./runs-page')).RunsPage } },
  { path: '/runs/:runId', lazy: { Component: async () => (await import('./run-page')).RunPage } },
  { path: '/runs/:runId/logs', lazy: { Component: async () => (await import('./logs-page')).LogsPage } },
]
