import { elapsed, formatBytes, formatCompact, formatCount, formatDuration, formatShare, plural, tableName } from './format'

test.each([
  [0, '0'],
  [1234567, '1,234,567'],
  ['9007199254740993', '9,007,199,254,740,993'],
  ['18446744073709551615', '18,446,744,073,709,551,615'],
  [null, '–'],
  [undefined, '–'],
  ['', '–'],
  ['1.5', '–'],
  [1.5, '–'],
])('count %s is %s', (value, text) => expect(formatCount(value)).toBe(text))

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [120_469, '118 KiB'],
  [1_048_575, '1.0 MiB'],
  ['9007199254740993', '8.0 PiB'],
  [-1, '–'],
  [null, '–'],
])('%s bytes are %s', (value, text) => expect(formatBytes(value)).toBe(text))

test.each([
  [0, '0 ms'],
  [340, '340 ms'],
  [999.6, '1.0 s'],
  [4_200, '4.2 s'],
  [59_960, '1 min'],
  [192_000, '3 min 12 s'],
  [7_500_000, '2 h 5 min'],
  [3_600_000, '1 h'],
  [273_600_000, '3 d 4 h'],
  [-1, '–'],
  [NaN, '–'],
  [null, '–'],
])('%s ms last %s', (value, text) => expect(formatDuration(value)).toBe(text))

test.each([
  [0, '0 %'],
  [1, '100 %'],
  [0.0213, '2.1 %'],
  [0.5, '50 %'],
  [0.00001, '<0.1 %'],
  [0.99999, '>99.9 %'],
  [null, '–'],
])('share %s is %s', (value, text) => expect(formatShare(value)).toBe(text))

test('compact, plural, table, elapsed', () => {
  expect(formatCompact('1234567')).toBe('1.2M')
  expect(plural(1, 'row')).toBe('1 row')
  expect(plural('1234', 'row')).toBe('1,234 rows')
  expect(plural(2, 'match', 'matches')).toBe('2 matches')
  expect(tableName({ schema: '', table: 't' })).toBe('t')
  expect(tableName({ schema: 's', table: 't' })).toBe('s.t')
  expect(elapsed(null)).toBeNull()
  expect(elapsed('2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z')).toBe(2000)
  expect(elapsed('2026-01-01T00:00:00Z', null, Date.parse('2026-01-01T00:00:05Z'))).toBe(5000)
})
