import { render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { Link } from 'react-router'
import { handleKey } from '../lib/shortcuts'
import { Problem } from '../api/problem'
import { renderElement, renderRoutes } from '../test/render'
import { Button, CodeBlock, ConfirmDialog, DataTable, ErrorPanel, ErrorSummary, Field, Input, PageHeader, ProgressBar, QueryView, RowLink, RunStrip, StatusBadge, Time } from '.'

const problem = new Problem({ title: 'Refused', detail: 'line 4 is odd', fix: 'Correct it', code: 'odd', request_id: 'r-1', line: 4, column: 'price', value: '1,5', errors: [{ location: 'body.x', message: 'is odd' }] })

test('ErrorPanel says what, where, the fix and the request, copies it and tries again', async () => {
  const user = userEvent.setup()
  const retry = vi.fn()
  renderElement(<ErrorPanel error={problem} onRetry={retry} />)
  const panel = screen.getByRole('alert')
  for (const text of ['Refused', 'line 4 is odd', 'Correct it', 'request r-1', 'line 4 · column price · value “1,5”', 'body.x']) expect(panel).toHaveTextContent(text)
  await user.click(screen.getByRole('button', { name: 'Try again' }))
  expect(retry).toHaveBeenCalledOnce()
  await user.click(screen.getByRole('button', { name: 'Copy details' }))
  expect(await navigator.clipboard.readText()).toBe(problem.report())
})

test('ErrorPanel shows what is no Problem, too', () => {
  renderElement(<ErrorPanel error={new TypeError('x is undefined')} />)
  expect(screen.getByRole('alert')).toHaveTextContent('x is undefined')
})

test('PageHeader names the document, and takes the focus after a change of the route', async () => {
  const page = (title: string, to: string) => (
    <>
      <PageHeader title={title} />
      <Link to={to}>on</Link>
    </>
  )
  renderRoutes([{ path: '/a', element: page('First', '/b') }, { path: '/b', element: page('Second', '/a') }], '/a')
  expect(document.title).toBe('First · ETL Portal')
  await userEvent.click(screen.getByRole('link', { name: 'on' }))
  expect(await screen.findByRole('heading', { level: 1, name: 'Second' })).toHaveFocus()
  expect(document.title).toBe('Second · ETL Portal')
})

test('PageHeader has a sign between the pages above, and none after them', () => {
  renderElement(<PageHeader title="Rejected rows" crumbs={[{ label: 'Runs', to: '/runs' }, { label: 'Run 4', to: '/runs/4' }]} />)
  const items = within(screen.getByRole('navigation', { name: 'Breadcrumb' })).getAllByRole('listitem')
  expect(items.map((each) => each.querySelectorAll('svg').length)).toEqual([0, 1])
  expect(items[1]?.lastElementChild).toHaveTextContent('Run 4')
})

test('DataTable is a table: sorts, moves by j and k, and says that it is empty', async () => {
  window.addEventListener('keydown', handleKey)
  const rows = [{ id: 1, name: 'b', n: 10n }, { id: 2, name: 'a', n: 9n }, { id: 3, name: 'c', n: 100n }]
  renderElement(
    <DataTable
      caption="Things"
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        { id: 'name', header: 'Name', sort: (row) => row.name, cell: (row) => <RowLink to={`/things/${row.id}`}>{row.name}</RowLink> },
        { id: 'n', header: 'Number', sort: (row) => row.n, cell: (row) => String(row.n), align: 'right' },
        { id: 'plain', header: 'Plain', cell: () => 'x' },
      ]}
    />,
  )
  const table = screen.getByRole('table', { name: 'Things' })
  const order = () => within(table).getAllByRole('link').map((link) => link.textContent)
  expect(order()).toEqual(['b', 'a', 'c'])
  await userEvent.click(screen.getByRole('button', { name: 'Name' }))
  expect(order()).toEqual(['a', 'b', 'c'])
  expect(screen.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'ascending')
  await userEvent.click(screen.getByRole('button', { name: 'Number' }))
  const first = order()
  await userEvent.click(screen.getByRole('button', { name: 'Number' }))
  expect(first).toEqual(order().toReversed())
  expect([...first].sort()).toEqual(['a', 'b', 'c'])
  expect(screen.queryByRole('button', { name: 'Plain' })).toBeNull()
  ;(document.activeElement as HTMLElement).blur()
  await userEvent.keyboard('jj')
  expect(within(table).getAllByRole('link')[1]).toHaveFocus()
  await userEvent.keyboard('k')
  expect(within(table).getAllByRole('link')[0]).toHaveFocus()
  window.removeEventListener('keydown', handleKey)
})

test('DataTable without rows', () => {
  renderElement(<DataTable caption="Things" rows={[]} rowKey={() => 1} columns={[]} empty={<p>None yet</p>} />)
  expect(screen.getByText('None yet')).toBeInTheDocument()
})

function Confirm({ act }: { act: () => Promise<unknown> }) {
  const [open, setOpen] = useState(true)
  return (
    <ConfirmDialog open={open} onOpenChange={setOpen} title="Delete it?" action="Delete job" onConfirm={act}>
      It is gone then.
    </ConfirmDialog>
  )
}

test('ConfirmDialog stays with the reason where the act fails, and closes once it is done', async () => {
  const act = vi.fn().mockRejectedValueOnce(problem).mockResolvedValueOnce(undefined)
  renderElement(<Confirm act={act} />)
  const dialog = screen.getByRole('alertdialog', { name: 'Delete it?' })
  expect(within(dialog).getByRole('button', { name: 'Cancel' })).toHaveFocus()
  await userEvent.click(within(dialog).getByRole('button', { name: 'Delete job' }))
  expect(await within(dialog).findByRole('alert')).toHaveTextContent('Correct it')
  await userEvent.click(within(dialog).getByRole('button', { name: 'Delete job' }))
  await waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull())
})

function Opened({ stays }: { stays: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <h1 tabIndex={-1}>Page</h1>
      {(stays || !open) && <button onClick={() => setOpen(true)}>Ask</button>}
      <ConfirmDialog open={open} onOpenChange={setOpen} title="Delete it?" action="Delete job" dismiss="Keep it" onConfirm={() => Promise.resolve()}>
        It is gone then.
      </ConfirmDialog>
    </>
  )
}

test('ConfirmDialog gives the focus back to what opened it', async () => {
  renderElement(<Opened stays />)
  await userEvent.click(screen.getByRole('button', { name: 'Ask' }))
  await userEvent.click(screen.getByRole('button', { name: 'Keep it' }))
  await waitFor(() => expect(screen.getByRole('button', { name: 'Ask' })).toHaveFocus())
})

test('ConfirmDialog gives the focus to the heading where what opened it is gone', async () => {
  renderElement(<Opened stays={false} />)
  await userEvent.click(screen.getByRole('button', { name: 'Ask' }))
  await userEvent.click(screen.getByRole('button', { name: 'Keep it' }))
  await waitFor(() => expect(screen.getByRole('heading', { name: 'Page' })).toHaveFocus())
})

test('Field ties label, hint and error to its control, and the summary leads to it', async () => {
  renderElement(
    <>
      <ErrorSummary attempt={1} errors={[{ name: 'host', message: 'Name the host' }]} />
      <Field label="Host" name="host" hint="Without port" error="Name the host">
        {(props) => <Input {...props} />}
      </Field>
    </>,
  )
  const input = screen.getByLabelText('Host')
  expect(input).toBeInvalid()
  expect(input).toHaveAccessibleDescription('Without port Name the host')
  expect(screen.getByRole('alert')).toHaveFocus()
  await userEvent.click(screen.getByRole('link', { name: 'Name the host' }))
  expect(input).toHaveFocus()
})

test('an error summary lists every error of a field, and each as long as it is one', () => {
  const console = vi.spyOn(globalThis.console, 'error')
  const both = [{ name: 'sort', message: 'No column “a”' }, { name: 'sort', message: 'No column “b”' }]
  const { rerender } = render(<ErrorSummary attempt={0} errors={both} />)
  expect(screen.getAllByRole('link')).toHaveLength(2)
  rerender(<ErrorSummary attempt={0} errors={both.slice(1)} />)
  expect(screen.getAllByRole('link').map((link) => link.textContent)).toEqual(['No column “b”'])
  expect(console).not.toHaveBeenCalled()
})

test('ProgressBar has a value, or none where nobody knows', () => {
  const { unmount } = renderElement(<ProgressBar label="Upload" value={42.7} />)
  expect(screen.getByRole('progressbar', { name: 'Upload' })).toHaveAttribute('aria-valuenow', '42')
  expect(screen.getByRole('status')).toHaveTextContent('Upload: 42 %')
  unmount()
  renderElement(<ProgressBar label="Upload" value={null} />)
  expect(screen.getByRole('progressbar')).not.toHaveAttribute('aria-valuenow')
})

test('a busy button keeps its focus and takes no press', async () => {
  const press = vi.fn()
  renderElement(
    <Button busy onClick={press}>
      Save
    </Button>,
  )
  const button = screen.getByRole('button', { name: 'Save' })
  await userEvent.click(button)
  expect(press).not.toHaveBeenCalled()
  expect(button).toHaveAttribute('aria-busy', 'true')
  expect(button).toHaveFocus()
})

test('QueryView: failure with retry, old data under a failed refresh', () => {
  const refetch = vi.fn()
  const { unmount } = renderElement(<QueryView query={{ data: undefined, error: problem, refetch, isFetching: false }}>{() => 'data'}</QueryView>)
  expect(screen.getByRole('alert')).toBeInTheDocument()
  unmount()
  renderElement(<QueryView query={{ data: 'old', error: problem, refetch, isFetching: false }}>{(data) => <p>{data}</p>}</QueryView>)
  expect(screen.getByText('old')).toBeInTheDocument()
  expect(screen.getByRole('alert')).toBeInTheDocument()
})

test('values say more than their colour', () => {
  renderElement(
    <>
      <StatusBadge status="FAILED" />
      <Time at="2026-11-23T12:00:00Z" absolute zone="Europe/Berlin" />
      <CodeBlock label="Statement" code="SELECT 1" />
      <RunStrip runs={[]} />
    </>,
  )
  expect(screen.getByText('Failed')).toBeInTheDocument()
  const time = screen.getByText(/23 Nov 2026/)
  expect(time).toHaveTextContent('13:00:00')
  expect(time).toHaveAttribute('title', expect.stringContaining('2026-11-23 12:00:00 UTC'))
  expect(screen.getByRole('region', { name: 'Statement' })).toHaveTextContent('SELECT 1')
  expect(screen.getByRole('img', { name: 'No run yet' })).toBeInTheDocument()
})
