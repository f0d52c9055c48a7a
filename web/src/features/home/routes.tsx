import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/', lazy: { Component: async () => (await import('./home-page')).HomePage } },
]
