import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/files', lazy: { Component: async () => (await import('./files-page')).FilesPage } },
  { path: '/files/:fileId', lazy: { Component: async () => (await import('./file-page')).FilePage } },
]
