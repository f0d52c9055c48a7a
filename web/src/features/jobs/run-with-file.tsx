import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleX, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { call, client } from '@/shared/api/client'
import type { Job } from '@/shared/api/model'
import { itemsOf, sourcesQuery } from '@/shared/api/queries'
import type { components } from '@/shared/api/schema'
import { Button, Count, Dialog, ErrorPanel, LoadMore, QueryView, StatusBadge, TextLink, Time } from '@/shared/components'
import { useRunNow } from './actions'

type Drift = components['schemas']['Drift']

/** Another file for the job, with how it differs from the one the job was made for. */
export function RunWithFile({ job, open, onOpenChange }: { job: Job; open: boolean; onOpenChange: (open: boolean) => void }) {
  const [file, setFile] = useState('')
  const run = useRunNow()
  const files = useInfiniteQuery({ ...sourcesQuery(), enabled: open })
  const drift = useQuery({
    queryKey: ['jobs', 'drift', job.id, job.version, file],
    queryFn: ({ signal }) => call(client.GET('/api/v1/jobs/{id}/drift', { signal, params: { path: { id: job.id }, query: { file_id: file } } })),
    enabled: open && file !== '',
  })
  const others = itemsOf(files.data).filter((each) => each.file_id !== job.file_id && each.state !== 'uploading' && each.state !== 'failed')
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Run with another file"
      description={`${job.name} keeps its own file; only this run takes the other one.`}
      wide
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button variant="primary" disabled={!drift.data?.compatible} busy={run.isPending} onClick={() => run.mutate({ job: job.id, file })}>
            Run with this file
          </Button>
        </>
      }
    >
      <QueryView query={files}>
        {() =>
          others.length === 0 ? (
            <p className="text-sm text-muted">
              There is no other file. <TextLink to="/files/new">Upload one</TextLink> first.
            </p>
          ) : (
            <fieldset className="max-h-64 overflow-y-auto rounded-lg border border-line">
              <legend className="sr-only">File</legend>
              {others.map((each) => (
                <label key={each.file_id} className="flex min-h-9 cursor-pointer items-center gap-2.5 border-b border-line px-3 py-1.5 text-sm last:border-0 hover:bg-hover has-checked:bg-accent-soft/60 has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent">
                  <input type="radio" name="other-file" checked={file === each.file_id} onChange={() => setFile(each.file_id)} className="size-4.5 shrink-0 accent-accent outline-none" />
                  <span className="min-w-0 flex-1 truncate">{each.filename}</span>
                  {each.state !== 'complete' && <StatusBadge status={each.state} />}
                  <span className="shrink-0 text-xs text-muted">
                    <Count value={each.row_count} /> rows · <Time at={each.created_at} />
                  </span>
                </label>
              ))}
              <LoadMore query={files} what="files" />
            </fieldset>
          )
        }
      </QueryView>
      <div role="status" className="mt-4 text-sm">
        {file && (drift.error ? <ErrorPanel error={drift.error} onRetry={() => void drift.refetch()} /> : drift.data && <DriftView drift={drift.data} />)}
      </div>
      {run.error && <ErrorPanel error={run.error} className="mt-4" />}
    </Dialog>
  )
}

function DriftView({ drift }: { drift: Drift }) {
  const { compatible, missing, added, changed, reordered, problem } = drift
  const same = missing.length + added.length + changed.length === 0
  const Icon = !compatible ? CircleX : same ? CircleCheck : TriangleAlert
  const tone = !compatible ? 'text-bad-text' : same ? 'text-ok-text' : 'text-warn-text'
  return (
    <div>
      <p className={`flex gap-2 font-medium ${tone}`}>
        <Icon aria-hidden className="mt-0.5 size-4.5 shrink-0" />
        {!compatible ? 'The mapping cannot be used with this file' : same ? `It has the same columns${reordered ? ', in another order, which changes nothing' : ''}` : 'It can be loaded; its columns differ'}
      </p>
      {problem && (
        <p className="mt-1 pl-6.5 break-words">
          {problem.message}. {problem.fix && <span className="text-muted">{problem.fix}.</span>}
        </p>
      )}
      {!same && (
        <ul className="mt-2 space-y-1 pl-6.5 text-xs">
          {missing.map((each) => (
            <li key={each.name}>
              <del className="rounded-xs bg-bad-soft px-1 font-mono text-bad-text">{each.name}</del> is missing{each.destinations.length > 0 && `; it fills ${each.destinations.join(', ')}`}
            </li>
          ))}
          {added.map((each) => (
            <li key={each.name}>
              <ins className="rounded-xs bg-ok-soft px-1 font-mono text-ok-text no-underline">{each.name}</ins> is new ({each.type}) and goes nowhere
            </li>
          ))}
          {changed.map((each) => (
            <li key={each.name}>
              <span className="font-mono">{each.name}</span> was <del className="font-mono text-muted">{[each.type_before, each.format_before].filter(Boolean).join(' ')}</del> and is <ins className="font-mono no-underline">{[each.type, each.format].filter(Boolean).join(' ')}</ins>
              {each.widened ? '; some rows may be bad' : ''}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
