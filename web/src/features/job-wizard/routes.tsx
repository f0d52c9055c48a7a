import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/jobs/new', lazy: { Component: async () => (await import('./wizard-page')).WizardPage } },
]
