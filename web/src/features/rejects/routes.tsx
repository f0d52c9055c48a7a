import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/runs/:runId/rejects', lazy: { Component: async () => (await import('./rejects-page')).RejectsPage } },
]
