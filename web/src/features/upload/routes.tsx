import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/files/new', lazy: { Component: async () => (await import('./upload-page')).UploadPage } },
]
