import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as z from 'zod'
import { Problem } from '@/shared/api/problem'
import { jobQuery, sourceQuery } from '@/shared/api/queries'
import type { Job, Metadata } from '@/shared/api/model'
import { ErrorPanel, PageHeader, QueryView } from '@/shared/components'
import { useSearchState } from '@/shared/lib/search-state'
import { draftOf, emptyDraft } from './draft'
import { FileChoice } from './file-choice'
import { tableQuery } from './queries'
import { Steps } from './steps'
import { steps } from './wizard'

/** The wizard's place in the URL: everything else is in the draft. */
const view = z.object({
  step: z.enum(['', ...steps.map(({ id }) => id)]).catch(''),
  file: z.string().catch(''),
  job: z.coerce.number().int().min(0).catch(0),
  col: z.string().catch(''),
})

export function WizardPage() {
  const [{ step, file, job, col }, setState] = useSearchState(view)
  const go = (to: (typeof steps)[number]['id'], correct?: boolean) => setState({ step: to, col: '' }, { push: !correct })
  const open = (column: string) => setState({ col: column })
  const shared = { step: step === '' ? undefined : step, go, open, opened: col }
  if (job > 0) return <Change key={job} id={job} file={file} {...shared} />
  if (!file) return <FileChoice onChoose={(id) => setState({ file: id, step: '' }, { push: true })} />
  return <New key={file} file={file} {...shared} />
}

interface Place {
  step?: (typeof steps)[number]['id']
  /** Opens a step; a correction of the address is no step that Back undoes. */
  go: (step: (typeof steps)[number]['id'], correct?: boolean) => void
  opened: string
  open: (column: string) => void
}

function New({ file, ...place }: Place & { file: string }) {
  const query = useQuery(sourceQuery(file))
  if (query.error && !query.data) {
    return (
      <>
        <PageHeader title="New job" crumbs={[{ label: 'Jobs', to: '/jobs' }]} />
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      </>
    )
  }
  return <QueryView query={query}>{(metadata) => <Fresh file={metadata} {...place} />}</QueryView>
}

function Fresh({ file, ...place }: Place & { file: Metadata }) {
  const [initial] = useState(() => emptyDraft(file.filename))
  return <Steps file={file} initial={initial} draftName={`draft.job-wizard.${file.file_id}`} {...place} />
}

function Change({ id, file, ...place }: Place & { id: number; file: string }) {
  const job = useQuery(jobQuery(id))
  const source = useQuery({ ...sourceQuery(file || (job.data?.file_id ?? '')), enabled: Boolean(file || job.data) })
  // A table that the job was to make is an existing one after its first run.
  const table = useQuery({ ...tableQuery(job.data?.credential_id ?? 0, job.data?.schema ?? '', job.data?.table ?? ''), enabled: job.data?.create_table === true, retry: false })
  const failed = job.error ?? source.error
  if (failed && !(job.data && source.data)) {
    return (
      <>
        <PageHeader title="Change job" crumbs={[{ label: 'Jobs', to: '/jobs' }]} />
        <ErrorPanel error={failed} onRetry={() => void (job.error ? job : source).refetch()} />
      </>
    )
  }
  const settled = !job.data?.create_table || table.isSuccess || (table.error instanceof Problem && table.isError)
  return (
    <QueryView query={source}>
      {(metadata) => (job.data && settled ? <Changed job={job.data} file={metadata} tableExists={table.isSuccess} {...place} /> : <PageHeader title="Change job" crumbs={[{ label: 'Jobs', to: '/jobs' }]} />)}
    </QueryView>
  )
}

function Changed({ job, file, tableExists, ...place }: Place & { job: Job; file: Metadata; tableExists: boolean }) {
  const [initial] = useState(() => draftOf(job, tableExists))
  return <Steps file={file} job={job} initial={initial} draftName={`draft.job-wizard.job-${job.id}`} {...place} />
}
