import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ArrowRightToLine, Ellipsis, Trash2, Upload } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { toast } from 'sonner'
import * as z from 'zod'
import type { Metadata } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button, ButtonLink, Card, EmptyState, ErrorPanel, Menu, NotFoundPage, PageHeader, ProgressBar, QueryView, StatusBadge, Time } from '@/shared/components'
import { formatBytes, formatCount, plural } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { ColumnCard } from './column-card'
import { DataGrid } from './data-grid'
import { DeleteFile } from './delete-file'
import { DialectCard } from './dialect-card'
import { correct, fileQuery, histogramsQuery, isProfiling, type SourcePatch } from './queries'

const view = z.object({ col: z.string().catch(''), offset: z.coerce.number().int().min(0).catch(0) })
const crumbs = [{ label: 'Files', to: '/files' }]

export function FilePage() {
  const id = useParams().fileId ?? ''
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? <FileOf id={id} /> : <NotFoundPage />
}

function FileOf({ id }: { id: string }) {
  const query = useQuery(fileQuery(id))
  if (query.error && !query.data) {
    return (
      <>
        <PageHeader title="File" crumbs={crumbs} />
        <ErrorPanel
          error={query.error}
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
          actions={
            <ButtonLink size="sm" to="/files">
              All files
            </ButtonLink>
          }
        />
      </>
    )
  }
  return <QueryView query={query}>{(file) => <Loaded key={file.file_id} file={file} />}</QueryView>
}

function Loaded({ file }: { file: Metadata }) {
  const navigate = useNavigate()
  const [deleting, setDeleting] = useState(false)
  const { state } = file.profile
  return (
    <>
      <PageHeader
        title={<span className="break-all">{file.filename}</span>}
        name={file.filename}
        crumbs={crumbs}
        badge={<StatusBadge status={state} />}
        description={<Shape file={file} />}
        actions={
          <>
            {state !== 'uploading' && (
              <ButtonLink variant="primary" to={`/jobs/new?file=${file.file_id}`}>
                <ArrowRightToLine aria-hidden />
                Load into a table
              </ButtonLink>
            )}
            <Menu
              trigger={
                <Button size="icon" aria-label="More actions">
                  <Ellipsis aria-hidden />
                </Button>
              }
              items={[{ label: 'Delete file', icon: Trash2, danger: true, onSelect: () => setDeleting(true) }]}
            />
          </>
        }
      />
      {state === 'uploading' ? (
        <Card>
          <EmptyState
            icon={Upload}
            title="It has not arrived whole"
            action={
              <ButtonLink variant="primary" to="/files/new">
                Go on with the upload
              </ButtonLink>
            }
          >
            The upload was left in the middle. Choose the same file again on the upload page of the browser that began it: only the missing parts go up. Or delete it here.
          </EmptyState>
        </Card>
      ) : (
        <Content file={file} />
      )}
      {deleting && <DeleteFile file={file} onClose={() => setDeleting(false)} onDeleted={() => navigate('/files')} />}
    </>
  )
}

function Shape({ file }: { file: Metadata }) {
  const sampled = file.profile.state !== 'complete'
  return (
    <span className="tabular flex flex-wrap gap-x-2">
      {file.profile.state !== 'uploading' && (
        <>
          <span>
            {sampled && 'at least '}
            {plural(file.row_count, 'row')}
          </span>
          <span aria-hidden>·</span>
          <span>{plural(file.columns.length, 'column')}</span>
          <span aria-hidden>·</span>
        </>
      )}
      <span title={`${formatCount(file.size)} bytes`}>{formatBytes(file.size)}</span>
      <span aria-hidden>·</span>
      <span>
        uploaded <Time at={file.created_at} />
      </span>
    </span>
  )
}

function Content({ file }: { file: Metadata }) {
  const [{ col, offset }, setView] = useSearchState(view)
  const queries = useQueryClient()
  const histograms = useQuery(histogramsQuery(file.file_id, file.version))
  const correction = useMutation({
    mutationFn: (change: SourcePatch) => correct(queries, file, change),
    onSuccess: ({ affected_jobs = [] }) => {
      if (affected_jobs.length > 0) toast.success(`Read anew. ${plural(affected_jobs.length, 'job')} will read it so: ${affected_jobs.map((job) => job.name).join(', ')}`)
    },
  })
  const onCorrect = (change: SourcePatch) => correction.mutateAsync(change).catch(() => undefined) // the card shows the failure
  const byName = useMemo(() => new Map(histograms.data?.columns.map((each) => [each.column, each])), [histograms.data])
  const chosen = Math.max(
    0,
    file.columns.findIndex((column) => column.name === col),
  )
  const column = file.columns[chosen]
  const histogram = column && byName.get(column.name)
  const choose = (index: number) => setView({ col: file.columns[index]?.name ?? '' })
  return (
    <div className="grid gap-5">
      <Profile file={file} />
      <DialectCard file={file} onCorrect={onCorrect} correcting={correction.isPending} error={correction.error} />
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <Card flush aria-label="Rows">
          {file.row_count === 0 ? (
            <EmptyState icon={Ellipsis} title="No rows">
              {file.columns.length > 0 ? 'There is a header and nothing below it.' : 'Nothing was found in it.'} If there should be rows, correct how it is read.
            </EmptyState>
          ) : (
            <DataGrid file={file} histograms={byName} chosen={chosen} onChoose={choose} offset={offset} onOffset={(row) => row !== offset && setView({ offset: row })} />
          )}
        </Card>
        <ColumnCard
          file={file}
          index={chosen}
          onChoose={choose}
          histogram={histogram && histograms.data && { data: histogram, rows: histograms.data.rows, complete: histograms.data.complete }}
          sampled={file.profile.state !== 'complete'}
          onCorrect={onCorrect}
          correcting={correction.isPending}
        />
      </div>
    </div>
  )
}

/** How much of the file the statistics come from. */
function Profile({ file }: { file: Metadata }) {
  const { state, bytes_done = 0 } = file.profile
  if (state === 'failed' && file.error) {
    const { message, code, fix, line, column, value } = file.error
    return <ErrorPanel error={new Problem({ title: 'The file could not be read to its end', detail: message, code, fix, line, column, value })} />
  }
  return (
    <>
      {isProfiling(state) && (
        <Card>
          <p className="mb-2 text-sm">
            <span className="font-medium">Sampled → whole file.</span>{' '}
            <span className="text-muted">What is shown comes from the first MiB; every row is being looked at, and types and counts follow by themselves. The file can be used meanwhile.</span>
          </p>
          <ProgressBar value={state === 'running' && file.size > 0 ? (bytes_done / file.size) * 100 : null} label="Profile of the whole file" />
        </Card>
      )}
      {file.bad_rows && (
        <p className="rounded-lg border border-warn/40 bg-warn-soft px-4 py-2 text-sm text-warn-text">
          {plural(file.bad_rows.count, 'row')} cannot be read, the first at line {formatCount(file.bad_rows.first_line)}: {file.bad_rows.reason}. A load rejects them and says so.
        </p>
      )}
    </>
  )
}
