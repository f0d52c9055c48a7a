/**
 * Where a list of rows stands. Browsers end an element at some 17 to 33 million pixels, and draw
 * unevenly before: the list is never taller than `tallest`, and a longer one is scrolled in two
 * ways. Small moves, as of a wheel, go pixel by pixel; large ones, as of the bar, go in proportion.
 */
export interface Place {
  /** Of the scrolling element, in its pixels. */
  scroll: number
  /** Of the list as if nothing were limited, in pixels. */
  top: number
}

export interface Geometry {
  rows: number
  /** Of one row. */
  rowHeight: number
  /** Height that is seen. */
  viewport: number
}

const tallest = 8_000_000
/** Moves of more viewports than this go in proportion. */
const near = 3
/** Within so many viewports of an end, moves are stretched so that both ends meet. */
const closing = 40

/** How tall the list is laid out. */
export function laidOut({ rows, rowHeight }: Geometry): number {
  return Math.min(rows * rowHeight, tallest)
}

function ends(geometry: Geometry): { scroll: number; top: number } {
  return { scroll: Math.max(0, laidOut(geometry) - geometry.viewport), top: Math.max(0, geometry.rows * geometry.rowHeight - geometry.viewport) }
}

/** The place after the element was scrolled. */
export function scrolled(place: Place, scroll: number, geometry: Geometry): Place {
  const end = ends(geometry)
  if (end.top <= end.scroll) return { scroll, top: Math.min(Math.max(scroll, 0), end.top) }
  if (scroll <= 0) return { scroll, top: 0 }
  if (scroll >= end.scroll - 1) return { scroll, top: end.top }
  const move = scroll - place.scroll
  if (Math.abs(move) > near * geometry.viewport) return { scroll, top: (scroll / end.scroll) * end.top }
  const leftToScroll = move > 0 ? end.scroll - place.scroll : place.scroll
  const leftToSee = move > 0 ? end.top - place.top : place.top
  const stretch = leftToScroll > closing * geometry.viewport || leftToScroll <= 0 ? 1 : leftToSee / leftToScroll
  return { scroll, top: Math.min(Math.max(place.top + move * stretch, 0), end.top) }
}

/** The place at which a row is the first one seen; the last rows stand at the end. */
export function placeOf(row: number, geometry: Geometry): Place {
  const end = ends(geometry)
  const top = Math.min(Math.max(row * geometry.rowHeight, 0), end.top)
  return { top, scroll: end.top <= end.scroll ? top : (top / end.top) * end.scroll }
}
