import { QueryClientProvider } from '@tanstack/react-query'
import { render, type RenderResult } from '@testing-library/react'
import type { ReactNode } from 'react'
import { createMemoryRouter, type RouteObject } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { newQueryClient } from '../api/query-client'

// The router writes what it loaded into the routes that it was given.
function fresh(routes: RouteObject[]): RouteObject[] {
  return routes.map((route) => {
    const copy = { ...route }
    if (typeof copy.lazy === 'object') copy.lazy = { ...copy.lazy }
    if (copy.children) copy.children = fresh(copy.children)
    return copy
  })
}

/** Renders routes at an address, with a cache of their own. The answer has the router to look at. */
export function renderRoutes(routes: RouteObject[], at = '/'): RenderResult & { router: ReturnType<typeof createMemoryRouter> } {
  const router = createMemoryRouter(fresh(routes), { initialEntries: [at] })
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
