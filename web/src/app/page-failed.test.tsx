import { screen } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { renderRoutes } from '@/shared/test/render'
import { server } from '@/shared/test/server'
import { PageFailed } from './page-failed'

function Missing(): never {
  throw new TypeError('Failed to fetch dynamically imported module: /assets/run-page.js')
}
const routes = [{ path: '/', Component: Missing, ErrorBoundary: PageFailed }]

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})

test('a page that cannot be loaded from a portal that answers is to be reloaded', async () => {
  server.use(http.get('http://localhost:3000/healthz', () => HttpResponse.json({ status: 'ok' })))
  renderRoutes(routes, '/')
  expect(await screen.findByRole('button', { name: 'Reload the page' })).toBeInTheDocument()
})

test('a page that cannot be loaded because the portal is gone is to be tried again', async () => {
  server.use(http.get('http://localhost:3000/healthz', () => HttpResponse.error()))
  renderRoutes(routes, '/')
  expect(await screen.findByText('The portal does not answer')).toBeInTheDocument()
  expect(screen.queryByRole('button', { name: 'Reload the page' })).not.toBeInTheDocument()
  expect(screen.getByRole('button', { name: 'Try again' })).toBeInTheDocument()
})
