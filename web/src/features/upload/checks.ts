/** Why a file is not worth sending, and what to do instead. */
export interface Refusal {
  title: string
  detail: string
  fix: string
}

const textual = ['csv', 'tsv', 'tab', 'txt', 'psv', 'ssv', 'dsv', 'dat', 'asc']

/** What the file dialog offers. */
export const accepted = [...textual.map((ending) => `.${ending}`), 'text/csv', 'text/tab-separated-values', 'text/plain'].join(',')

const fixSpreadsheet = 'Open it in the spreadsheet program, choose “Save as” → “CSV UTF-8”, and upload that file.'
const fixUnpack = 'Unpack it and upload the CSV inside.'
const fixExport = 'Export the table as CSV with the program that wrote it.'
const fixOther = 'Choose the CSV file itself.'

interface Known {
  what: string
  fix: string
}

/** Endings of files that people choose by mistake. */
const endings: Partial<Record<string, Known>> = {
  xlsx: { what: 'an Excel workbook', fix: fixSpreadsheet },
  xlsm: { what: 'an Excel workbook', fix: fixSpreadsheet },
  xlsb: { what: 'an Excel workbook', fix: fixSpreadsheet },
  xls: { what: 'an old Excel file', fix: fixSpreadsheet },
  ods: { what: 'an OpenDocument sheet', fix: fixSpreadsheet },
  numbers: { what: 'a Numbers document', fix: 'In Numbers, choose File → Export To → CSV, and upload that file.' },
  pdf: { what: 'a PDF document', fix: 'Ask for the data as CSV, or copy the table into a spreadsheet program and save it as CSV.' },
  zip: { what: 'a zip archive', fix: fixUnpack },
  gz: { what: 'gzip-compressed', fix: 'Unpack it (gunzip, 7-Zip) and upload the CSV inside.' },
  zst: { what: 'zstd-compressed', fix: fixUnpack },
  bz2: { what: 'bzip2-compressed', fix: fixUnpack },
  xz: { what: 'xz-compressed', fix: fixUnpack },
  '7z': { what: 'a 7-Zip archive', fix: fixUnpack },
  rar: { what: 'a RAR archive', fix: fixUnpack },
  tar: { what: 'a tar archive', fix: fixUnpack },
  tgz: { what: 'a tar archive', fix: fixUnpack },
  parquet: { what: 'a Parquet file', fix: fixExport },
  json: { what: 'a JSON file', fix: 'Convert it to CSV first; each object becomes a row.' },
  xml: { what: 'an XML file', fix: 'Convert it to CSV first.' },
}

interface Magic extends Known {
  bytes: number[]
  at?: number
  /** The bytes could also start a text, so that a NUL must follow. */
  weak?: boolean
}

const ascii = (text: string) => Array.from(text, (each) => each.charCodeAt(0))

const magics: Magic[] = [
  { bytes: [0x1f, 0x8b], what: 'gzip-compressed', fix: 'Unpack it (gunzip, 7-Zip) and upload the CSV inside.' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'zstd-compressed', fix: fixUnpack },
  { bytes: ascii('BZh'), what: 'bzip2-compressed', fix: fixUnpack, weak: true },
  { bytes: [0xfd, ...ascii('7zXZ'), 0], what: 'xz-compressed', fix: fixUnpack },
  { bytes: [...ascii('7z'), 0xbc, 0xaf, 0x27, 0x1c], what: 'a 7-Zip archive', fix: fixUnpack },
  { bytes: [...ascii('Rar!'), 0x1a, 7], what: 'a RAR archive', fix: fixUnpack },
  { bytes: ascii('ustar'), at: 257, what: 'a tar archive', fix: fixUnpack },
  { bytes: ascii('%PDF-'), what: 'a PDF document', fix: 'Ask for the data as CSV, or copy the table into a spreadsheet program and save it as CSV.' },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1], what: 'an old Excel or Word file', fix: fixSpreadsheet },
  { bytes: [0x89, ...ascii('PNG')], what: 'a PNG image', fix: fixOther },
  { bytes: [0xff, 0xd8, 0xff], what: 'a JPEG image', fix: fixOther },
  { bytes: ascii('GIF8'), what: 'a GIF image', fix: fixOther, weak: true },
  { bytes: ascii('SQLite format 3\0'), what: 'a SQLite database', fix: fixExport },
  { bytes: ascii('PAR1'), what: 'a Parquet file', fix: fixExport, weak: true },
  { bytes: [...ascii('Obj'), 1], what: 'an Avro file', fix: fixExport },
  { bytes: ascii('ORC'), what: 'an ORC file', fix: fixExport, weak: true },
  { bytes: ascii('PGDMP'), what: 'a PostgreSQL dump', fix: 'Restore it with pg_restore and export the table as CSV.', weak: true },
]

const headBytes = 64 * 1024

/** The ending of a name in lower case, without its dot; empty without one. */
function endingOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : ''
}

function starts(head: Uint8Array, { bytes, at = 0 }: Pick<Magic, 'bytes' | 'at'>): boolean {
  return head.length >= at + bytes.length && bytes.every((byte, i) => head[at + i] === byte)
}

function zipped(head: Uint8Array): Known {
  const text = new TextDecoder('latin1').decode(head)
  if (/xl\/|\[Content_Types\]\.xml/.test(text)) return { what: 'an Excel workbook (XLSX)', fix: fixSpreadsheet }
  if (text.includes('application/vnd.oasis.opendocument')) return { what: 'an OpenDocument sheet (ODS)', fix: fixSpreadsheet }
  if (text.includes('word/')) return { what: 'a Word document', fix: 'Save the table as CSV and upload that file.' }
  return { what: 'a zip archive', fix: fixUnpack }
}

/** UTF-16 and UTF-32 texts are full of NULs, in a pattern: all at even or all at odd places, or after a byte order mark. */
function wideText(head: Uint8Array): boolean {
  if (starts(head, { bytes: [0xff, 0xfe] }) || starts(head, { bytes: [0xfe, 0xff] }) || starts(head, { bytes: [0, 0, 0xfe, 0xff] })) return true
  const nuls = [0, 0]
  head.forEach((byte, i) => {
    if (byte === 0) nuls[i % 2] = (nuls[i % 2] ?? 0) + 1
  })
  const [even = 0, odd = 0] = nuls
  const [few, many] = even < odd ? [even, odd] : [odd, even]
  return many > head.length / 4 && few <= many / 50
}

function binary(head: Uint8Array): Known | null {
  if (starts(head, { bytes: ascii('PK\x03\x04') }) || starts(head, { bytes: ascii('PK\x05\x06') })) return zipped(head)
  const nul = head.includes(0)
  const magic = magics.find((each) => starts(head, each) && (!each.weak || nul))
  if (magic) return magic
  if (nul && !wideText(head)) return { what: 'no text: it holds NUL bytes', fix: 'Choose a text file of delimited values. If it is one, save it anew as CSV UTF-8.' }
  return null
}

/** Looks at a file's name, size and first 64 KiB before anything of it is sent; null where nothing speaks against it. */
export async function checkFile(file: File): Promise<Refusal | null> {
  if (file.size === 0) return { title: 'Empty file', detail: `${file.name} holds nothing: 0 bytes.`, fix: 'Save it again with a header and rows, then choose it anew.' }
  let head: Uint8Array
  try {
    head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer())
  } catch {
    return { title: 'The browser cannot read it', detail: `${file.name} cannot be opened: it may be a folder, or it was moved, or another program holds it.`, fix: 'Close it elsewhere and choose it again.' }
  }
  const content = binary(head)
  if (content) return { title: 'Not a CSV file', detail: `${file.name} is ${content.what}.`, fix: content.fix }
  const ending = endingOf(file.name)
  const known = endings[ending]
  if (known) return { title: 'Not a CSV file', detail: `${file.name} is ${known.what}, going by its name.`, fix: known.fix }
  if (ending && !textual.includes(ending)) {
    return { title: 'Not a CSV file by its name', detail: `${file.name} ends in .${ending}; delimited text ends in .csv, .tsv, .txt, .psv, .tab or .dat.`, fix: 'If it holds delimited text, rename it to end in .csv and choose it again.' }
  }
  return null
}
