import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef } from 'react'
import type { LogEntry } from '@/shared/api/model'
import { Button } from '@/shared/components'
import { LogLine } from './log-line'

// How far from the end still counts as being there, in pixels.
const near = 24

/** Lines of a log, of which only those in sight are in the page. Scrolling up ends following; the end takes it up again. */
export function LogView({ entries, search, follow, onFollow, earlier, older, onOlder }: {
  entries: LogEntry[]
  search: string
  follow: boolean
  onFollow: (follow: boolean) => void
  /** Whether there are lines before the first one. */
  earlier: boolean
  /** Whether they are being fetched. */
  older: boolean
  onOlder: () => void
}) {
  const box = useRef<HTMLDivElement>(null)
  // eslint-disable-next-line react-hooks/incompatible-library -- what it returns goes to nothing memoized
  const lines = useVirtualizer({
    count: entries.length,
    getScrollElement: () => box.current,
    estimateSize: () => 24,
    getItemKey: (i) => entries[i]?.id ?? i,
    overscan: 20,
  })
  const first = entries[0]?.id
  const before = useRef({ first, count: entries.length })
  useLayoutEffect(() => {
    const was = before.current
    before.current = { first, count: entries.length }
    // Older lines came in front: what was read stays where it was.
    if (first !== undefined && was.first !== undefined && first < was.first && !follow) lines.scrollToIndex(entries.findIndex((entry) => entry.id === was.first), { align: 'start' })
  }, [first, entries, follow, lines])
  useEffect(() => {
    if (follow && entries.length > 0) lines.scrollToIndex(entries.length - 1, { align: 'end' })
  }, [follow, entries.length, lines])
  const top = useRef(0)
  const scrolled = () => {
    const el = box.current
    if (!el) return
    const up = el.scrollTop < top.current - 2
    top.current = el.scrollTop
    const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < near
    if (follow && up && !atEnd) onFollow(false)
    else if (!follow && atEnd && !up) onFollow(true)
  }
  return (
    <>
      {earlier && (
        <div className="flex justify-center border-b border-line py-1.5">
          <Button size="sm" variant="ghost" busy={older} onClick={() => {
            onFollow(false)
            onOlder()
          }}>
            Load older lines
          </Button>
        </div>
      )}
      <div ref={box} role="log" aria-label="Lines of the log" aria-live="off" tabIndex={0} onScroll={scrolled} className="max-h-[min(70vh,46rem)] overflow-y-auto py-1 focus-visible:-outline-offset-2">
        <div className="relative w-full" style={{ height: lines.getTotalSize() }}>
          {lines.getVirtualItems().map((item) => {
            const entry = entries[item.index]
            if (!entry) return null
            return (
              <div key={item.key} data-index={item.index} ref={lines.measureElement} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                <LogLine entry={entry} search={search} />
              </div>
            )
          })}
        </div>
      </div>
    </>
  )
}
