import { checkFile } from './checks'
import { pastedTable } from './drop-zone'
import { Speedometer } from './speed'

const bytes = (text: string) => Uint8Array.from(Array.from(text, (each) => each.charCodeAt(0)))
const utf16 = (text: string, mark: boolean) => Uint8Array.from([...(mark ? [0xff, 0xfe] : []), ...Array.from(text).flatMap((each) => [each.charCodeAt(0) & 0xff, each.charCodeAt(0) >> 8])])

test.each([
  ['plain.csv', bytes('a,b\n1,2\n')],
  ['SHOUTING.CSV', bytes('a\n1\n')],
  ['tabs.tsv', bytes('a\tb\n')],
  ['no-ending', bytes('a;b\n')],
  ['latin.txt', Uint8Array.from([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72, 0x0a])],
  ['utf16.csv', utf16('a,b\n1,2\n'.repeat(50), true)],
  ['utf16-without-mark.csv', utf16('name,city\n1,2\n'.repeat(50), false)],
  ['orchids.csv', bytes('ORC,ID3\nBZh,PAR1\n')],
])('%s may go up', async (name, content) => {
  expect(await checkFile(new File([content], name))).toBeNull()
})

test.each([
  ['empty.csv', bytes(''), /0 bytes/, /header and rows/],
  ['book.xlsx', bytes('PK\x03\x04 [Content_Types].xml'), /Excel workbook/, /CSV UTF-8/],
  ['renamed.csv', bytes('PK\x03\x04 xl/workbook.xml'), /Excel workbook/, /CSV UTF-8/],
  ['sheet.csv', bytes('PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.spreadsheet'), /OpenDocument/, /CSV UTF-8/],
  ['data.zip', bytes('PK\x03\x04 a.csv'), /zip archive/, /Unpack/],
  ['old.xls', bytes('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), /old Excel/, /CSV UTF-8/],
  ['paper.csv', bytes('%PDF-1.4'), /PDF/, /Ask for the data as CSV/],
  ['data.csv.gz', bytes('\x1f\x8b\x08'), /gzip/, /Unpack/],
  ['data.csv', bytes('\x1f\x8b\x08'), /gzip/, /Unpack/],
  ['columns.csv', bytes('PAR1\x00\x00'), /Parquet/, /Export/],
  ['raw.csv', bytes('abc\x00\x01\x02def'), /NUL/, /text file/],
  ['data.json', bytes('[{}]'), /JSON/, /Convert/],
  ['notes.md', bytes('a,b\n'), /\.md/, /rename/],
  ['fake.xlsx', bytes('a,b\n'), /Excel workbook, going by its name/, /CSV UTF-8/],
])('%s is refused before a byte goes up, with what to do', async (name, content, why, fix) => {
  const refusal = await checkFile(new File([content], name))
  expect(refusal?.detail).toMatch(why)
  expect(refusal?.detail).toContain(name)
  expect(refusal?.fix).toMatch(fix)
})

test('pasted cells are a file named after the moment; other text is none', () => {
  const now = new Date('2026-11-23T12:34:56Z')
  expect(pastedTable('a\tb\n1\t2', now)?.name).toBe('pasted-2026-11-23-12-34-56.tsv')
  expect(pastedTable('a,b\n1,2', now)?.name).toBe('pasted-2026-11-23-12-34-56.csv')
  expect(pastedTable('hello', now)).toBeNull()
  expect(pastedTable(' \t ', now)).toBeNull()
})

test('speed is that of the last seconds, and starts anew where bytes are sent again', () => {
  const meter = new Speedometer()
  expect(meter.perSecond).toBeNull()
  meter.add(0, 0)
  meter.add(1_000, 1_000)
  expect(meter.perSecond).toBe(1_000)
  for (let s = 2; s <= 20; s++) meter.add(1_000 + (s - 1) * 500, s * 1_000)
  expect(meter.perSecond).toBe(500)
  meter.add(100, 21_000)
  expect(meter.perSecond).toBeNull()
})
