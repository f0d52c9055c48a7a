import { useEffect, useState } from 'react'
import { useRouteError } from 'react-router'
import { Problem, unreachable } from '@/shared/api/problem'
import { Button, ErrorPanel, SkeletonLines } from '@/shared/components'

// A chunk that does not come: the portal does not answer, or was updated under an open page.
function isMissingChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message)
}

/** Undefined where the portal answers, else why not. */
async function probe(): Promise<Problem | undefined> {
  try {
    const response = await fetch(new URL('/healthz', window.location.origin), { cache: 'no-store', signal: AbortSignal.timeout(5_000) })
    return response.ok ? undefined : unreachable(new Error(`It answered ${response.status}`))
  } catch (cause) {
    return unreachable(cause)
  }
}

function MissingChunk() {
  const [probed, setProbed] = useState<{ failure: Problem | undefined } | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    let gone = false
    void probe().then((failure) => {
      if (!gone) setProbed({ failure })
    })
    return () => {
      gone = true
    }
  }, [])
  const retry = async () => {
    setBusy(true)
    const failure = await probe()
    // The browser remembers that the module did not come: only loading the page anew asks again.
    if (!failure) window.location.reload()
    setProbed({ failure })
    setBusy(false)
  }
  if (!probed) return <SkeletonLines lines={3} />
  if (probed.failure) return <ErrorPanel error={probed.failure} onRetry={() => void retry()} retrying={busy} />
  return (
    <ErrorPanel
      error={new Problem({ title: 'This page could not be loaded', detail: 'The portal was updated or restarted since this tab was opened.', fix: 'Reload the page. What you typed in drafts is kept.', code: 'stale_page' })}
      actions={<Reload />}
    />
  )
}

function Reload() {
  return (
    <Button size="sm" onClick={() => window.location.reload()}>
      Reload the page
    </Button>
  )
}

export function PageFailed() {
  const error = useRouteError()
  return (
    <main className="mx-auto max-w-3xl p-4 sm:p-8">
      <h1 className="mb-4 text-xl font-semibold">This page failed</h1>
      {isMissingChunk(error) ? <MissingChunk /> : <ErrorPanel error={error} actions={<Reload />} />}
    </main>
  )
}
