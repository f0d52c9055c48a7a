import { QueryClientProvider } from '@tanstack/react-query'
import { render, type RenderResult } from '@testing-library/react'
import type { ReactNode } from 'react'
import { createMemoryRouter, type RouteObject } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { newQueryClient } from '../api/query-client'

/** Renders routes at an address, with a cache of their own. The answer has the router to look at. */
export function renderRoutes(routes: RouteObject[], at = '/'): RenderResult & { router: ReturnType<typeof createMemoryRouter> } {
  const router = createMemoryRouter(routes, { initialEntries: [at] })
  const queries = newQueryClient()
  queries.setDefaultOptions({ queries: { retry: false } })
  return {
    ...render(
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>,
    ),
    router,
  }
}

/** Renders one element where links and queries work. */
export function renderElement(element: ReactNode, at = '/'): ReturnType<typeof renderRoutes> {
  return renderRoutes([{ path: '*', element }], at)
}
