import type { RouteObject } from 'react-router'
import { routes as admin } from '@/features/admin/routes'
import { routes as credentials } from '@/features/credentials/routes'
import { routes as files } from '@/features/files/routes'
import { routes as home } from '@/features/home/routes'
import { routes as wizard } from '@/features/job-wizard/routes'
import { routes as jobs } from '@/features/jobs/routes'
import { routes as rejects } from '@/features/rejects/routes'
import { routes as runs } from '@/features/runs/routes'
import { routes as schedules } from '@/features/schedules/routes'
import { routes as upload } from '@/features/upload/routes'
import { NotFoundPage } from '@/shared/components'
import { PageFailed } from './page-failed'
import { Shell } from './shell/shell'

/** All pages. Each feature brings its own routes; their pages are loaded when they are first opened. */
export const routes: RouteObject[] = [
  {
    Component: Shell,
    ErrorBoundary: PageFailed,
    HydrateFallback: () => null,
    children: [
      {
        // A page that fails leaves the shell standing.
        ErrorBoundary: PageFailed,
        children: [...home, ...upload, ...files, ...wizard, ...jobs, ...rejects, ...runs, ...credentials, ...schedules, ...admin, { path: '*', Component: NotFoundPage }],
      },
    ],
  },
]
