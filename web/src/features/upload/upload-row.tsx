import { Ban, CircleCheck, CircleX, Copy, FileSpreadsheet, Lightbulb, LoaderCircle, Pause, Play, RotateCw, Table2, WifiOff, X, type LucideIcon } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { Button, ButtonLink, ConfirmDialog, ErrorPanel, ProgressBar, Time, TextLink, type Tone } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatBytes, formatCount, formatDuration, plural } from '@/shared/lib/format'
import { useNow } from '@/shared/lib/use-now'
import type { Upload, UploadState } from './uploader'
import { uploader } from './use-uploads'

const looks: Record<UploadState, { icon: LucideIcon; tone: Tone; spin?: boolean }> = {
  checking: { icon: LoaderCircle, tone: 'neutral', spin: true },
  refused: { icon: Ban, tone: 'bad' },
  duplicate: { icon: Copy, tone: 'warn' },
  starting: { icon: LoaderCircle, tone: 'accent', spin: true },
  uploading: { icon: FileSpreadsheet, tone: 'accent' },
  paused: { icon: Pause, tone: 'neutral' },
  offline: { icon: WifiOff, tone: 'warn' },
  waiting: { icon: RotateCw, tone: 'warn' },
  finishing: { icon: LoaderCircle, tone: 'accent', spin: true },
  done: { icon: CircleCheck, tone: 'ok' },
  failed: { icon: CircleX, tone: 'bad' },
}

const tiles: Partial<Record<Tone, string>> = {
  accent: 'bg-accent-soft text-accent-text',
  ok: 'bg-ok-soft text-ok-text',
  warn: 'bg-warn-soft text-warn-text',
  bad: 'bg-bad-soft text-bad-text',
}

/** One file on its way, and what can be done with it. */
export function UploadRow({ upload }: { upload: Upload }) {
  const { key, name, state } = upload
  const [cancelling, setCancelling] = useState(false)
  const look = looks[state]
  const under = state === 'uploading' || state === 'paused' || state === 'offline' || state === 'waiting'
  const cancellable = under || state === 'starting' || (state === 'failed' && upload.fileId !== undefined)
  const percent = upload.size > 0 ? (upload.sent / upload.size) * 100 : 0
  return (
    <li className="px-4 py-3" data-state={state}>
      <div className="flex items-start gap-3">
        <span aria-hidden className={cn('mt-0.5 grid size-9 shrink-0 place-items-center rounded-lg', tiles[look.tone] ?? 'bg-sunken text-muted')}>
          <look.icon className={cn('size-4.5', look.spin && 'animate-spin')} />
        </span>
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
            <p className="min-w-0 font-medium break-words">
              {state === 'done' && upload.fileId ? <TextLink to={`/files/${upload.fileId}`}>{name}</TextLink> : name}
              <span className="ml-2 text-xs font-normal whitespace-nowrap text-muted">{formatBytes(upload.size)}</span>
            </p>
            <Actions upload={upload} onCancel={cancellable ? () => setCancelling(true) : undefined} />
          </div>
          {(under || state === 'starting' || state === 'finishing') && (
            <ProgressBar
              className="mt-2"
              value={state === 'starting' || state === 'finishing' ? null : percent}
              label={`Upload of ${name}`}
              text={state === 'uploading' || state === 'starting' || state === 'finishing' ? undefined : `${Math.floor(percent)} %, ${state}`}
              tone={state === 'paused' ? 'neutral' : look.tone}
            />
          )}
          <Line upload={upload} percent={percent} />
          {state === 'failed' && upload.problem && <ErrorPanel className="mt-2" error={upload.problem} onRetry={() => uploader().resume(key)} />}
        </div>
      </div>
      <ConfirmDialog open={cancelling} onOpenChange={setCancelling} title={`Cancel the upload of “${name}”?`} action="Cancel upload" onConfirm={() => uploader().cancel(key)}>
        {formatBytes(upload.sent)} that have arrived are thrown away. Pause it instead to go on later.
      </ConfirmDialog>
    </li>
  )
}

function Actions({ upload, onCancel }: { upload: Upload; onCancel?: () => void }) {
  const { key, name, state, fileId } = upload
  return (
    <div className="flex flex-wrap items-center gap-1">
      {state === 'uploading' && (
        <Button size="sm" variant="ghost" onClick={() => uploader().pause(key)} aria-label={`Pause ${name}`}>
          <Pause aria-hidden />
          Pause
        </Button>
      )}
      {(state === 'paused' || state === 'waiting') && (
        <Button size="sm" variant={state === 'paused' ? 'primary' : 'ghost'} onClick={() => uploader().resume(key)} aria-label={state === 'paused' ? `Resume ${name}` : `Try now: ${name}`}>
          <Play aria-hidden />
          {state === 'paused' ? 'Resume' : 'Try now'}
        </Button>
      )}
      {state === 'done' && (
        <>
          <ButtonLink size="sm" to={`/files/${fileId ?? ''}`}>
            <Table2 aria-hidden />
            Open file <span className="sr-only">{name}</span>
          </ButtonLink>
          <ButtonLink size="sm" variant="primary" to={`/jobs/new?file=${fileId ?? ''}`}>
            Load into a table <span className="sr-only">{name}</span>
          </ButtonLink>
        </>
      )}
      {state === 'duplicate' && (
        <>
          <ButtonLink size="sm" variant="primary" to={`/files/${upload.twin?.fileId ?? ''}`}>
            Open that file <span className="sr-only">{name}</span>
          </ButtonLink>
          <Button size="sm" onClick={() => uploader().sendAnyway(key)}>
            Upload again <span className="sr-only">{name}</span>
          </Button>
        </>
      )}
      {onCancel && (
        <Button size="icon-sm" variant="ghost" onClick={onCancel} aria-label={`Cancel ${name}`} title="Cancel">
          <X aria-hidden />
        </Button>
      )}
      {(state === 'refused' || state === 'duplicate' || state === 'done' || (state === 'failed' && !onCancel)) && (
        <Button size="icon-sm" variant="ghost" onClick={() => uploader().remove(key)} aria-label={`Take ${name} off the list`} title="Take off the list">
          <X aria-hidden />
        </Button>
      )}
    </div>
  )
}

/** What happens now, in a line. */
function Line({ upload, percent }: { upload: Upload; percent: number }) {
  const now = useNow(upload.state === 'waiting')
  const { state, size, sent, speed } = upload
  const share = `${Math.floor(percent)} %`
  const parts = upload.parts > 1 ? `${upload.partsDone} of ${upload.parts} parts` : ''
  switch (state) {
    case 'checking':
      return <Said>Looking at it …</Said>
    case 'starting':
      return <Said>Asking where it goes …</Said>
    case 'refused':
      return (
        <div role="alert" className="mt-0.5 text-sm">
          <p className="text-bad-text">
            <span className="font-medium">{upload.refusal?.title}.</span> {upload.refusal?.detail} Nothing was sent.
          </p>
          <p className="mt-1 flex gap-1.5">
            <Lightbulb aria-hidden className="mt-0.5 size-4 shrink-0 text-warn-text" />
            <span className="min-w-0">{upload.refusal?.fix}</span>
          </p>
        </div>
      )
    case 'duplicate':
      return (
        <p role="status" className="mt-0.5 text-sm text-warn-text">
          {upload.twin?.exact ? 'This very file was uploaded' : 'A file of this name and size was uploaded'} <Time at={upload.twin?.at} />. Nothing was sent.
        </p>
      )
    case 'uploading': {
      const left = speed ? ((size - sent) / speed) * 1000 : null
      const facts = [share, `${formatBytes(sent)} of ${formatBytes(size)}`, parts, speed !== null && `${formatBytes(Math.round(speed))}/s`, left !== null && `${left < 60_000 ? `${Math.ceil(left / 1000)} s` : formatDuration(left)} left`]
      return (
        <>
          <Facts facts={facts} />
          {upload.resumedAt > 0 && <Said>Resumed at {Math.floor((upload.resumedAt / size) * 100)} %: only the missing parts go up.</Said>}
        </>
      )
    }
    case 'paused':
      return <Facts facts={[`Paused at ${share}`, `${formatBytes(sent)} of ${formatBytes(size)}`, parts]} />
    case 'offline':
      return <Facts facts={[`Offline at ${share}`, 'goes on by itself once this device is online again']} />
    case 'waiting':
      return <Facts facts={[upload.problem?.title ?? 'The connection was lost', `tried again in ${Math.max(1, Math.ceil(((upload.retryAt ?? now) - now) / 1000))} s`, `${share} has arrived`]} />
    case 'finishing':
      return <Said>All of it has arrived; the portal looks at it …</Said>
    case 'done': {
      const took = upload.startedAt && upload.finishedAt ? upload.finishedAt - upload.startedAt : null
      const found = upload.metadata
      return (
        <Facts
          facts={[
            took !== null && `Uploaded in ${formatDuration(took)}`,
            found && plural(found.columns.length, 'column'),
            found && (found.profile.state === 'complete' ? plural(found.row_count, 'row') : `over ${formatCount(found.row_count)} rows`),
            found?.encoding,
          ]}
        />
      )
    }
    case 'failed':
      return null
  }
}

function Said({ children }: { children: ReactNode }) {
  return <p className="mt-1 text-xs text-muted">{children}</p>
}

function Facts({ facts }: { facts: (string | false | undefined)[] }) {
  return (
    <p className="tabular mt-1 flex flex-wrap gap-x-2 text-xs text-muted">
      {facts
        .filter((fact) => fact)
        .map((fact, i) => (
          <span key={i} className='not-last:after:ml-2 not-last:after:text-line-strong not-last:after:content-["·"]'>
            {fact}
          </span>
        ))}
    </p>
  )
}
