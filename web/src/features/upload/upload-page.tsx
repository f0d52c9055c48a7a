import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Card, ErrorPanel, PageHeader, TextLink } from '@/shared/components'
import { plural } from '@/shared/lib/format'
import { DropZone } from './drop-zone'
import { UnfinishedCard } from './unfinished-card'
import { UploadRow } from './upload-row'
import { twinFinder, uploader, useUnfinished, useUploads } from './use-uploads'

const crumbs = [{ label: 'Files', to: '/files' }]

export function UploadPage() {
  const uploads = useUploads()
  const queries = useQueryClient()
  const { query, unfinished } = useUnfinished(uploads)
  const [repeated, setRepeated] = useState<string[]>([])
  const take = (files: File[]) => setRepeated(uploader().add(files, twinFinder(queries)))
  const done = uploads.filter(({ state }) => state === 'done').length
  return (
    <>
      <PageHeader title="Upload files" crumbs={crumbs} description="CSV, TSV or any delimited text. Encoding, delimiter and types are found out; you can correct them." />
      <div className="grid gap-5">
        <DropZone onFiles={take} small={uploads.length > 0 || unfinished.length > 0} />
        {repeated.length > 0 && (
          <p role="status" className="rounded-lg border border-warn/40 bg-warn-soft px-4 py-2 text-sm text-warn-text">
            {repeated.join(', ')} {repeated.length === 1 ? 'is' : 'are'} in the list below already.
          </p>
        )}
        {query.error && <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />}
        {unfinished.length > 0 && <UnfinishedCard unfinished={unfinished} onFiles={take} />}
        {uploads.length > 0 && (
          <Card
            title="This visit"
            description={
              <span role="status">
                {done} of {plural(uploads.length, 'file')} uploaded. They go on while you look at other pages; keep this tab open.
              </span>
            }
            actions={
              <TextLink to="/files" className="px-2 text-sm">
                All files
              </TextLink>
            }
            flush
          >
            <ul className="divide-y divide-line">
              {uploads.map((upload) => (
                <UploadRow key={upload.key} upload={upload} />
              ))}
            </ul>
          </Card>
        )}
      </div>
    </>
  )
}
