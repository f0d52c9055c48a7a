import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/credentials', lazy: { Component: async () => (await import('./credentials-page')).CredentialsPage } },
  { path: '/credentials/new', lazy: { Component: async () => (await import('./new-credential-page')).NewCredentialPage } },
  { path: '/credentials/:credentialId', lazy: { Component: async () => (await import('./credential-page')).CredentialPage } },
]
