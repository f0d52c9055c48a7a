import { useRouteError } from 'react-router'
import { Problem } from '@/shared/api/problem'
import { Button, ErrorPanel } from '@/shared/components'

// A chunk that is gone means that the portal was updated under an open page.
function isStaleChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message)
}

export function PageFailed() {
  const error = useRouteError()
  const shown = isStaleChunk(error)
    ? new Problem({ title: 'This page could not be loaded', detail: 'The portal was updated or restarted since this tab was opened.', fix: 'Reload the page. What you typed in drafts is kept.', code: 'stale_page' })
    : error
  return (
    <main className="mx-auto max-w-3xl p-4 sm:p-8">
      <h1 className="mb-4 text-xl font-semibold">This page failed</h1>
      <ErrorPanel error={shown} actions={<Button size="sm" onClick={() => window.location.reload()}>Reload the page</Button>} />
    </main>
  )
}
