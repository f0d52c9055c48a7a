import { render, screen, within } from '@testing-library/react'
import { WideTable, widthFor } from './wide-table'

const columns = Array.from({ length: 1000 }, (_, i) => ({ name: `c${i}`, note: 'text' }))
const rows = [{ line: 12 }, { line: 13 }]

// What is in sight is drawn, and jsdom sees nothing.
beforeEach(() => {
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(1000)
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(400)
})

test('a wide table says how much of it there is, and has a part of it in the page', () => {
  render(<WideTable region="Rows" caption="Trial" columns={columns} rows={rows} first={10} total={40} stateOf={() => 'loaded'} textOf={(row, i) => `${row.line}.${i}`} cellOf={(row, i) => ({ content: `${row.line}.${i}` })} />)
  const table = screen.getByRole('table', { name: 'Trial' })
  expect(table).toHaveAttribute('aria-colcount', '1002')
  expect(table).toHaveAttribute('aria-rowcount', '41')
  const drawn = within(table).getAllByRole('row')
  expect(drawn.map((row) => row.getAttribute('aria-rowindex'))).toEqual(['1', '12', '13'])
  const cells = within(drawn[1] as HTMLElement).getAllByRole('cell')
  expect(cells.length).toBeGreaterThan(5)
  expect(cells.length).toBeLessThan(40)
  expect(cells[1]).toHaveTextContent('12.0')
  expect(cells[1]).toHaveAttribute('aria-colindex', '3')
})

test.each([
  [[], 64],
  [['abc', null, ''], 64],
  [['x'.repeat(20)], 172],
  [['x'.repeat(60)], 256],
])('a column of %j is %i pixels wide', (texts, width) => {
  expect(widthFor(texts)).toBe(width)
})
