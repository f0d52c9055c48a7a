import type { RouteObject } from 'react-router'

export const routes: RouteObject[] = [
  { path: '/schedules', lazy: { Component: async () => (await import('./schedules-page')).SchedulesPage } },
  { path: '/schedules/new', lazy: { Component: async () => (await import('./new-schedule-page')).NewSchedulePage } },
  { path: '/schedules/:scheduleId', lazy: { Component: async () => (await import('./schedule-page')).SchedulePage } },
]
