import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { LongSelect } from './long-select'

const choices = Array.from({ length: 500 }, (_, i) => ({ value: `c${i}`, label: `column ${i}`, disabled: i === 3 }))

test('hundreds of choices are in the page only while one chooses', async () => {
  const chosen: string[] = []
  render(<LongSelect aria-label="From" none="nothing" choices={choices} value="c7" onChoose={(value) => chosen.push(value)} />)
  const select = screen.getByLabelText('From')
  expect(select).toHaveDisplayValue('column 7')
  expect(within(select).getAllByRole('option')).toHaveLength(2)
  await userEvent.tab()
  expect(select).toHaveFocus()
  expect(within(select).getAllByRole('option')).toHaveLength(501)
  expect(within(select).getByRole('option', { name: 'column 3' })).toBeDisabled()
  await userEvent.selectOptions(select, 'c499')
  expect(chosen).toEqual(['c499'])
})

test('a short list is there at once', () => {
  render(<LongSelect aria-label="From" none="nothing" choices={choices.slice(0, 5)} value="" onChoose={() => undefined} />)
  expect(screen.getAllByRole('option')).toHaveLength(6)
})
