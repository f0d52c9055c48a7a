import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/admin/tokens', lazy: { Component: async () => (await import('./tokens-page')).TokensPage } },
]
