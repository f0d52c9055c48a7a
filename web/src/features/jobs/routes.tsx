import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/jobs', lazy: { Component: async () => (await import('./jobs-page')).JobsPage } },
  { path: '/jobs/:jobId', lazy: { Component: async () => (await import('./job-page')).JobPage } },
]
