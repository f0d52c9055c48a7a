import { laidOut, placeOf, scrolled, type Place } from './row-scroll'

const rowHeight = 28
const viewport = 560
const sizes = [0, 1, 20, 1_000, 285_714, 285_715, 1_000_000, 50_000_000, 10_000_000_000]

test.each(sizes)('of %d rows the first and the last can be reached, and nothing beyond', (rows) => {
  const geometry = { rows, rowHeight, viewport }
  const end = Math.max(0, laidOut(geometry) - viewport)
  const last = Math.max(0, rows * rowHeight - viewport)
  expect(laidOut(geometry)).toBeLessThanOrEqual(8_000_000)
  expect(scrolled({ scroll: 0, top: 0 }, end, geometry).top).toBe(last)
  expect(scrolled({ scroll: end, top: last }, 0, geometry).top).toBe(0)
  expect(placeOf(rows, geometry)).toEqual({ scroll: end, top: last })
  expect(placeOf(0, geometry)).toEqual({ scroll: 0, top: 0 })
})

test('a list that fits the limit scrolls as any other', () => {
  const geometry = { rows: 1_000, rowHeight, viewport }
  let place: Place = { scroll: 0, top: 0 }
  for (const scroll of [100, 5_000, 4_900, 27_440]) {
    place = scrolled(place, scroll, geometry)
    expect(place.top).toBe(scroll)
  }
})

test('in a longer one the wheel moves by pixels, the bar in proportion', () => {
  const geometry = { rows: 10_000_000, rowHeight, viewport }
  const half = scrolled({ scroll: 0, top: 0 }, 4_000_000, geometry)
  expect(half.top / (10_000_000 * rowHeight)).toBeCloseTo(0.5, 3)
  const wheeled = scrolled(half, half.scroll + 120, geometry)
  expect(wheeled.top).toBe(half.top + 120)
  // Rows stay where the browser has moved them: what stands above row 0 is the same.
  expect(wheeled.scroll - wheeled.top).toBe(half.scroll - half.top)
})

test('wheeling on from anywhere ends exactly at the ends, never going back', () => {
  for (const rows of [400_000, 1_000_000, 300_000_000]) {
    const geometry = { rows, rowHeight, viewport }
    const end = laidOut(geometry) - viewport
    for (const [from, step] of [
      [end - 30_000, 250],
      [30_000, -250],
      [end - 21_017, 333],
      [9_999, -77],
    ] as const) {
      let place = placeOf(((from / end) * (rows * rowHeight - viewport)) / rowHeight, geometry)
      for (let i = 0; i < 1_000; i++) {
        const next = scrolled(place, Math.min(end, Math.max(0, place.scroll + step)), geometry)
        expect(Math.sign(next.top - place.top)).not.toBe(-Math.sign(step))
        place = next
      }
      expect(place.top).toBe(step > 0 ? rows * rowHeight - viewport : 0)
    }
  }
})

test('a row that is gone to is the first one seen', () => {
  const geometry = { rows: 1_000_000, rowHeight, viewport }
  for (const row of [1, 17, 123_456, 999_000]) {
    const place = placeOf(row, geometry)
    // The browser rounds the position it is given, and tells so.
    const told = scrolled(place, Math.round(place.scroll), geometry)
    expect(Math.abs(told.top - row * rowHeight)).toBeLessThanOrEqual(2)
  }
})
