import { knowsZone, toInstant, toWall } from './zoned'

test.each([
  ['2026-07-01T12:00', 'Europe/Berlin', '2026-07-01T10:00:00.000Z'],
  ['2026-12-01T12:00', 'Europe/Berlin', '2026-12-01T11:00:00.000Z'],
  ['2026-12-01T12:00', 'Asia/Kolkata', '2026-12-01T06:30:00.000Z'],
  // The clocks skip it: as long after the change as it says.
  ['2027-03-28T02:30', 'Europe/Berlin', '2027-03-28T01:30:00.000Z'],
  // It comes twice: the first.
  ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
  ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
  ['', 'UTC', undefined],
  ['2026-12-01T12:00', 'Nowhere/Here', undefined],
])('%s in %s', (wall, zone, at) => {
  expect(toInstant(wall, zone)).toBe(at)
})

test.each(['UTC', 'Europe/Berlin', 'Pacific/Chatham', 'America/St_Johns'])('an instant in %s and back', (zone) => {
  const at = '2026-11-23T20:15:00.000Z'
  expect(toInstant(toWall(at, zone), zone)).toBe(at)
})

test('zones', () => {
  expect(knowsZone('Europe/Berlin')).toBe(true)
  expect(knowsZone('Mars/Base')).toBe(false)
  expect(knowsZone('')).toBe(false)
  expect(knowsZone('+01:00')).toBe(false)
})
