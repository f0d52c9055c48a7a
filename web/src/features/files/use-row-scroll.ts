import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { laidOut, placeOf, scrolled, type Geometry, type Place } from './row-scroll'

const overscan = 8
/** The first row drawn is a multiple of it: fewer renders, and stripes stay where they are. */
const step = 4
/** Moves of more rows than this ask for rows only once the list stands. */
const hasty = 300
const standing = 90
/** After so many milliseconds without a move the list is told to stand. */
const settledAfter = 300

interface Seen {
  /** First row drawn, and the one after the last. */
  start: number
  end: number
  /** What stands above row 0, in pixels of the element. */
  base: number
}

/** Which rows of a long list are seen while its element scrolls; `asked` lags behind hasty moves, and `settled` gets the first row seen whole once the list stands. */
export function useRowScroll({ rows, rowHeight, head, settled }: { rows: number; rowHeight: number; head: number; settled: (row: number) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const [viewport, setViewport] = useState(480)
  const geometry = useRef<Geometry>({ rows, rowHeight, viewport })
  const place = useRef<Place>({ scroll: 0, top: 0 })
  const [seen, setSeen] = useState<Seen>({ start: 0, end: 0, base: 0 })
  const [asked, setAsked] = useState({ from: 0, to: 0 })
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined)

  const look = useCallback((hurried: boolean) => {
    const { rows: count, rowHeight: height, viewport: tall } = geometry.current
    const { scroll, top } = place.current
    const start = Math.max(0, Math.floor((top / height - overscan) / step) * step)
    const end = Math.min(count, Math.ceil((top + tall) / height) + overscan)
    const base = scroll - top
    setSeen((before) => (before.start === start && before.end === end && before.base === base ? before : { start, end, base }))
    clearTimeout(settling.current)
    settling.current = setTimeout(() => settled(Math.ceil(top / height)), settledAfter)
    clearTimeout(timer.current)
    const ask = () => setAsked((before) => (before.from === start && before.to === end ? before : { from: start, to: end }))
    if (hurried) timer.current = setTimeout(ask, standing)
    else ask()
  }, [settled])

  const onScroll = useCallback(() => {
    if (!box.current) return
    const before = place.current.top
    place.current = scrolled(place.current, box.current.scrollTop, geometry.current)
    look(Math.abs(place.current.top - before) > hasty * geometry.current.rowHeight)
  }, [look])

  const goTo = useCallback(
    (row: number) => {
      const next = placeOf(row, geometry.current)
      if (!box.current) return
      box.current.scrollTop = next.scroll
      // The browser rounds what it is given, and says so by a scroll event of no distance.
      place.current = { top: next.top, scroll: box.current.scrollTop }
      look(false)
    },
    [look],
  )

  /** Brings a row into view, moving no further than it must. */
  const reveal = useCallback(
    (row: number) => {
      const { rowHeight: height, viewport: tall } = geometry.current
      const { top } = place.current
      if (row * height < top) goTo(row)
      else if ((row + 1) * height > top + tall) goTo(row + 1 - tall / height)
    },
    [goTo],
  )

  useLayoutEffect(() => {
    const before = geometry.current
    geometry.current = { rows, rowHeight, viewport }
    if (box.current && (before.rows !== rows || before.viewport !== viewport) && place.current.top > 0) {
      // The file turned out longer, or the window was resized: the same rows stay in view.
      goTo(place.current.top / rowHeight)
    } else look(false)
  }, [rows, rowHeight, viewport, goTo, look])

  useEffect(() => {
    const target = box.current
    if (!target) return
    const measure = () => setViewport(Math.max(rowHeight, target.clientHeight - head))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(target)
    return () => observer.disconnect()
  }, [rowHeight, head])
  useEffect(
    () => () => {
      clearTimeout(timer.current)
      clearTimeout(settling.current)
    },
    [],
  )

  return { box, seen, asked, onScroll, goTo, reveal, height: laidOut({ rows, rowHeight, viewport }), perPage: Math.max(1, Math.floor(viewport / rowHeight) - 1) }
}
