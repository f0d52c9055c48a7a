import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { recordsOf, remember } from './records'
import { routes } from './routes'
import { uploader } from './use-uploads'

const id = '00000000-0000-4000-8000-000000000001'
const mib = 1024 * 1024
const base = `/api/v1/sources/csv/uploads/${id}`
const metadata = {
  file_id: id, filename: 'a.csv', size: 4, encoding: 'utf-8', bom: false, columns: [{}, {}], decisions: [], row_count: 7, profile: { state: 'complete' }, version: 1,
  dialect: {}, created_at: '2026-11-23T12:00:00Z', updated_at: '2026-11-23T12:00:00Z',
}

function file(name: string, size: number): File {
  return new File(['a,b\n'.padEnd(size, 'x')], name, { lastModified: 1_700_000_000_000 })
}

/** A portal with an upload of some parts, and a store that takes them unless `refuse` says with which status it does not. */
function portal({ parts, partSize, arrived = [], refuse = () => undefined }: { parts: number; partSize: number; arrived?: { part_number: number; etag: string; size: number }[]; refuse?: (part: number) => number | undefined }) {
  const seen = { created: 0, put: [] as number[], signed: [] as number[][] }
  const there = [...arrived]
  server.use(
    json('get', '/api/v1/sources/csv', { items: [] }),
    http.post('http://localhost:3000/api/v1/sources/csv/uploads', () => {
      seen.created++
      return HttpResponse.json({ file_id: id, part_size: partSize, part_count: parts }, { status: 201 })
    }),
    http.get(`http://localhost:3000${base}/parts`, () => HttpResponse.json({ file_id: id, part_size: partSize, part_count: parts, parts: there })),
    http.post(`http://localhost:3000${base}/parts`, async ({ request }) => {
      const { part_numbers } = (await request.json()) as { part_numbers: number[] }
      seen.signed.push(part_numbers)
      return HttpResponse.json({ urls: part_numbers.map((part_number) => ({ part_number, url: `http://localhost:3000/store/put?part=${part_number}`, headers: {} })) })
    }),
    http.put('http://localhost:3000/store/put', async ({ request }) => {
      const part = Number(new URL(request.url).searchParams.get('part'))
      const { byteLength } = await request.arrayBuffer()
      seen.put.push(part)
      const status = refuse(part)
      if (status) return new HttpResponse(null, { status })
      there.push({ part_number: part, etag: `"${part}"`, size: byteLength })
      return new HttpResponse(null, { headers: { ETag: `"${part}"` } })
    }),
    json('post', `${base}/complete`, metadata),
    json('delete', base, null, 204),
  )
  return seen
}

afterEach(() => {
  for (const { key } of uploader().snapshot()) uploader().remove(key)
})

async function choose(...files: File[]) {
  renderRoutes(routes, '/files/new')
  await userEvent.upload(await screen.findByLabelText('CSV files'), files, { applyAccept: false })
}

test('the button stands for the field that chooses files', async () => {
  renderRoutes(routes, '/files/new')
  expect(await screen.findByRole('button', { name: 'Choose files' })).toBeVisible()
  expect(screen.getByLabelText('CSV files')).not.toBeVisible()
})

test('a file goes up in its parts, signed in one batch, and leads to its page and to a job', async () => {
  const seen = portal({ parts: 3, partSize: 5 * mib })
  await choose(file('a.csv', 11 * mib))
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
  expect(seen.put.sort()).toEqual([1, 2, 3])
  expect(seen.signed).toEqual([[1, 2, 3]])
  expect(screen.getByRole('link', { name: 'Open file a.csv' })).toHaveAttribute('href', `/files/${id}`)
  expect(screen.getByRole('link', { name: 'Load into a table a.csv' })).toHaveAttribute('href', `/jobs/new?file=${id}`)
  expect(recordsOf('uploads.begun')).toEqual([])
  expect(recordsOf('uploads.finished')).toMatchObject([{ fileId: id, name: 'a.csv' }])
})

test('an upload of an earlier visit is offered, another file refused, and only what is missing goes up; a part of a wrong size is missing', async () => {
  const whole = file('a.csv', 11 * mib)
  remember('uploads.begun', id, whole)
  const seen = portal({
    parts: 3,
    partSize: 5 * mib,
    arrived: [
      { part_number: 1, etag: '"1"', size: 5 * mib },
      { part_number: 2, etag: '"2"', size: 3 },
    ],
  })
  renderRoutes(routes, '/files/new')
  expect(await screen.findByText(/Choose the same file to resume, 45 % done/)).toBeInTheDocument()
  const again = screen.getByLabelText('a.csv, to resume')
  await userEvent.upload(again, file('b.csv', 5))
  expect(screen.getByRole('alert')).toHaveTextContent('b.csv is another file: choose a.csv')
  await userEvent.upload(again, whole)
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
  expect(seen.put.sort()).toEqual([2, 3])
  expect(seen.created).toBe(0)
})

test('what is no CSV is refused without a request', async () => {
  portal({ parts: 1, partSize: 64 * mib })
  await choose(new File(['PK\x03\x04 xl/workbook.xml'], 'book.csv'), new File([], 'empty.csv'))
  const alerts = await screen.findAllByRole('alert')
  expect(alerts.map((each) => each.textContent)).toEqual([expect.stringContaining('0 bytes'), expect.stringContaining('Excel workbook')])
  // A request without an answer would have failed the test.
})

test('a store that stumbles is tried again, with a new signature', async () => {
  const failures = [500]
  const seen = portal({ parts: 1, partSize: 64 * mib, refuse: () => failures.pop() })
  await choose(file('a.csv', 100))
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
  expect(seen.put).toEqual([1, 1])
  expect(seen.signed).toEqual([[1], [1]])
})

test('a store that refuses is named, and the upload can be gone on with', async () => {
  let refused: number | undefined = 403
  portal({ parts: 1, partSize: 64 * mib, refuse: () => refused })
  await choose(file('a.csv', 100))
  expect(await screen.findByRole('alert')).toHaveTextContent('The store answered 403')
  refused = undefined
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
})

test('a file that the portal refuses says why, and begins anew when it is tried again', async () => {
  const seen = portal({ parts: 1, partSize: 64 * mib })
  server.use(problem('post', `${base}/complete`, 422, { code: 'binary_file', detail: 'the file is noise', fix: 'Choose another' }))
  await choose(file('a.csv', 100))
  expect(await screen.findByRole('alert')).toHaveTextContent('Choose another')
  expect(recordsOf('uploads.begun')).toEqual([])
  server.use(json('post', `${base}/complete`, metadata))
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
  expect(seen.created).toBe(2)
})

test('a file that was uploaded is recognised, and can be sent all the same', async () => {
  const twice = file('a.csv', 100)
  remember('uploads.finished', id, twice)
  const seen = portal({ parts: 1, partSize: 64 * mib })
  server.use(json('get', `/api/v1/sources/csv/${id}/metadata`, metadata))
  await choose(twice)
  expect(await screen.findByText(/This very file was uploaded/)).toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'Open that file a.csv' })).toHaveAttribute('href', `/files/${id}`)
  expect(seen.created).toBe(0)
  await userEvent.click(screen.getByRole('button', { name: 'Upload again a.csv' }))
  expect(await screen.findByText(/Uploaded in/)).toBeInTheDocument()
})

test('a file of the same name and size is told apart from the very same', async () => {
  portal({ parts: 1, partSize: 64 * mib })
  server.use(json('get', '/api/v1/sources/csv', { items: [{ file_id: id, filename: 'a.csv', size: 100, state: 'complete', created_at: metadata.created_at }] }))
  await choose(file('a.csv', 100))
  expect(await screen.findByText(/A file of this name and size was uploaded/)).toBeInTheDocument()
})

test('leaving is asked about while something goes up, pausing stops it, cancelling ends it in the portal', async () => {
  portal({ parts: 1, partSize: 64 * mib })
  const asked: string[] = []
  let refuse = false
  let answer: (() => void) | undefined
  server.use(
    http.put('http://localhost:3000/store/put', async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return new HttpResponse(null, { headers: { ETag: '"1"' } })
    }),
    http.delete(`http://localhost:3000${base}`, () => {
      asked.push('abort')
      if (refuse) return HttpResponse.json({ title: 'Refused', code: 'forbidden', status: 403, detail: '', fix: '', errors: [], request_id: '' }, { status: 403 })
      return new HttpResponse(null, { status: 204 })
    }),
  )
  await choose(file('a.csv', 100))
  await waitFor(() => expect(answer).toBeDefined())
  const leave = () => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))
  expect(leave()).toBe(true)
  await userEvent.click(screen.getByRole('button', { name: 'Pause a.csv' }))
  expect(await screen.findByText(/Paused at/)).toBeInTheDocument()
  await userEvent.click(screen.getByRole('button', { name: 'Cancel a.csv' }))
  const dialog = await screen.findByRole('alertdialog')
  refuse = true
  await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel upload' }))
  expect(await within(dialog).findByRole('alert')).toHaveTextContent('Refused')
  refuse = false
  await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel upload' }))
  await waitFor(() => expect(uploader().snapshot()).toEqual([]))
  expect(asked).toEqual(['abort', 'abort'])
  expect(recordsOf('uploads.begun')).toEqual([])
  expect(leave()).toBe(false)
  answer?.()
})
