import { useMutation, useQueryClient } from '@tanstack/react-query'
import { History, Trash2 } from 'lucide-react'
import { useRef, useState } from 'react'
import { Button, Card, ErrorPanel, ProgressBar, Time } from '@/shared/components'
import { formatBytes } from '@/shared/lib/format'
import { forget, same } from './records'
import { abortUpload } from './transport'
import type { Unfinished } from './use-uploads'

/** Uploads that an earlier visit left in the middle: choose the same file again, and the rest of it goes up. */
export function UnfinishedCard({ unfinished, onFiles }: { unfinished: Unfinished[]; onFiles: (files: File[]) => void }) {
  return (
    <Card title="Unfinished uploads" description="A browser may not open files by itself: choose the same file to resume." flush>
      <ul className="divide-y divide-line">
        {unfinished.map((each) => (
          <UnfinishedRow key={each.fileId} upload={each} onFiles={onFiles} />
        ))}
      </ul>
    </Card>
  )
}

function UnfinishedRow({ upload, onFiles }: { upload: Unfinished; onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [other, setOther] = useState<File | null>(null)
  const queries = useQueryClient()
  const discard = useMutation({
    mutationFn: async () => {
      await abortUpload(upload.fileId)
      forget('uploads.begun', upload.fileId)
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ['uploads'] }),
  })
  const percent = Math.floor((upload.arrived / upload.size) * 100)
  return (
    <li className="flex items-start gap-3 px-4 py-3">
      <span aria-hidden className="mt-0.5 grid size-9 shrink-0 place-items-center rounded-lg bg-warn-soft text-warn-text">
        <History className="size-4.5" />
      </span>
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
          <p className="min-w-0 font-medium break-words">
            {upload.name}
            <span className="ml-2 text-xs font-normal text-muted">{formatBytes(upload.size)}</span>
          </p>
          <div className="flex flex-wrap gap-1">
            <Button size="sm" variant="primary" onClick={() => input.current?.click()}>
              Choose the same file
            </Button>
            <Button size="sm" variant="ghost" busy={discard.isPending} onClick={() => discard.mutate()} aria-label={`Discard the upload of ${upload.name}`}>
              <Trash2 aria-hidden />
              Discard
            </Button>
          </div>
        </div>
        <ProgressBar className="mt-2" value={percent} tone="warn" label={`Unfinished upload of ${upload.name}`} />
        <p className="mt-1 text-xs text-muted">
          Choose the same file to resume, {percent} % done · begun <Time at={new Date(upload.at).toISOString()} />
        </p>
        {other && (
          <p role="alert" className="mt-1 text-sm font-medium text-bad-text">
            {other.name === upload.name
              ? `This ${other.name} is another one: ${other.size === upload.size ? 'it was changed since' : `it has ${formatBytes(other.size)} instead of ${formatBytes(upload.size)}`}. Discard this upload and send it anew.`
              : `${other.name} is another file: choose ${upload.name}.`}
          </p>
        )}
        {discard.error && <ErrorPanel className="mt-2" error={discard.error} />}
        <input
          ref={input}
          type="file"
          aria-label={`${upload.name}, to resume`}
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            const file = event.target.files?.[0]
            event.target.value = ''
            if (!file) return
            const right = same(file, upload)
            setOther(right ? null : file)
            if (right) onFiles([file])
          }}
        />
      </div>
    </li>
  )
}
