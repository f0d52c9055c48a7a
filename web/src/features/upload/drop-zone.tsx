import { ClipboardPaste, FolderOpen, Upload } from 'lucide-react'
import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { Button, SampleButton } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { accepted } from './checks'

/** Cells copied from a spreadsheet, as a file; null for text that is no table. */
export function pastedTable(text: string, now: Date): File | null {
  if (!/[\t,;|]/.test(text) || !/\S/.test(text)) return null
  const tabs = text.includes('\t')
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[:T]/g, '-')
  return new File([text], `pasted-${stamp}.${tabs ? 'tsv' : 'csv'}`, { type: tabs ? 'text/tab-separated-values' : 'text/csv', lastModified: now.getTime() })
}

/** Where files are dropped, chosen or pasted. The whole window takes a drop; the button does the same by keyboard. */
export function DropZone({ onFiles, small }: { onFiles: (files: File[]) => void; small: boolean }) {
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const [note, setNote] = useState('')
  const take = useEffectEvent((files: File[]) => {
    setNote('')
    if (files.length > 0) onFiles(files)
  })

  useEffect(() => {
    let depth = 0
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return
      depth++
      setOver(true)
    }
    const leave = (event: DragEvent) => {
      if (!holdsFiles(event)) return
      depth = Math.max(0, depth - 1)
      setOver(depth > 0)
    }
    const allow = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault()
    }
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      depth = 0
      setOver(false)
      take([...(event.dataTransfer?.files ?? [])])
    }
    const paste = (event: ClipboardEvent) => {
      if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return
      const files = [...(event.clipboardData?.files ?? [])]
      const text = event.clipboardData?.getData('text/plain') ?? ''
      const table = files.length === 0 ? pastedTable(text, new Date()) : null
      if (files.length > 0) take(files)
      else if (table) take([table])
      else if (text) setNote('What was pasted is no table: copy cells of a spreadsheet, or lines of a CSV.')
    }
    const listeners = [
      ['dragenter', enter],
      ['dragleave', leave],
      ['dragover', allow],
      ['drop', drop],
      ['paste', paste],
    ] as const
    for (const [name, listener] of listeners) window.addEventListener(name, listener as EventListener)
    return () => {
      for (const [name, listener] of listeners) window.removeEventListener(name, listener as EventListener)
    }
  }, [])

  return (
    <div
      data-over={over || undefined}
      className={cn(
        'relative grid place-items-center rounded-xl border-2 border-dashed border-line-strong bg-surface px-4 text-center transition-colors data-over:border-accent data-over:bg-accent-soft',
        small ? 'py-8' : 'py-14 sm:py-20',
      )}
    >
      <div className="flex flex-col items-center">
        <div aria-hidden className={cn('grid place-items-center rounded-2xl border border-line bg-sunken text-accent-text transition-transform', small ? 'mb-3 size-10' : 'mb-5 size-14', over && 'scale-110')}>
          <Upload className={small ? 'size-5' : 'size-6'} strokeWidth={1.75} />
        </div>
        <p className={cn('font-semibold', small ? 'text-base' : 'text-lg')}>{over ? 'Drop to upload' : 'Drop CSV files here'}</p>
        <p className="mt-1 max-w-[48ch] text-sm text-balance text-muted">Several at a time, of any size. They go up in parallel parts, and an upload that breaks off goes on where it was.</p>
        <div className="mt-5 flex flex-wrap items-center justify-center gap-2">
          <Button variant="primary" size={small ? 'md' : 'lg'} onClick={() => input.current?.click()}>
            <FolderOpen aria-hidden />
            Choose files
          </Button>
          {!small && <SampleButton size="lg" />}
        </div>
        <p className="mt-4 flex items-center gap-1.5 text-xs text-muted">
          <ClipboardPaste aria-hidden className="size-3.5" />
          Or paste: files, or cells copied from a spreadsheet
        </p>
        {note && (
          <p role="alert" className="mt-2 text-sm font-medium text-bad-text">
            {note}
          </p>
        )}
      </div>
      <input
        ref={input}
        type="file"
        multiple
        accept={accepted}
        aria-label="CSV files"
        // The button stands for it, to everybody.
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
    </div>
  )
}
