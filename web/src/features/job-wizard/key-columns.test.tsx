import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { KeyColumns } from './key-columns'

const many = Array.from({ length: 1000 }, (_, i) => (i === 700 ? 'id' : `width_${i}`))

function Choice({ names, chosen = [], seen }: { names: string[]; chosen?: string[]; seen?: (keys: string[]) => void }) {
  const [keys, setKeys] = useState(chosen)
  return (
    <KeyColumns
      names={names}
      keys={keys}
      onChange={(next) => {
        setKeys(next)
        seen?.(next)
      }}
    />
  )
}

test('a few columns are boxes to tick and nothing else', async () => {
  const seen: string[][] = []
  render(<Choice names={['id', 'day', 'amount']} chosen={['day']} seen={(keys) => seen.push(keys)} />)
  expect(screen.getAllByRole('checkbox')).toHaveLength(3)
  expect(screen.queryByRole('searchbox')).toBeNull()
  expect(screen.getByRole('checkbox', { name: 'id' })).toHaveAttribute('id', 'field-keys')
  await userEvent.click(screen.getByRole('checkbox', { name: 'id' }))
  await userEvent.click(screen.getByRole('checkbox', { name: 'day' }))
  expect(seen).toEqual([['day', 'id'], ['id']])
})

test('of a thousand columns a part is in the page, and what is chosen always', async () => {
  render(<Choice names={many} chosen={['width_999', 'gone']} />)
  expect(screen.getAllByRole('checkbox')).toHaveLength(50)
  expect(screen.getByRole('status')).toHaveTextContent('50 of 1,000 columns')
  const chosen = screen.getByRole('list', { name: 'Chosen key columns' })
  expect(within(chosen).getAllByRole('listitem').map((item) => item.textContent)).toEqual(['width_999', 'gonenot mapped'])
  await userEvent.click(screen.getByRole('button', { name: 'Show 50 more' }))
  expect(screen.getAllByRole('checkbox')).toHaveLength(100)
  expect(screen.getByRole('checkbox', { name: 'width_50' })).toHaveFocus()
  await userEvent.click(within(chosen).getByRole('button', { name: 'Take gone out of the key' }))
  expect(within(chosen).getAllByRole('listitem')).toHaveLength(1)
  expect(screen.getByRole('searchbox')).toHaveFocus()
})

test('by keyboard: searched, chosen in their order, left by one Tab', async () => {
  const user = userEvent.setup()
  const seen: string[][] = []
  render(
    <>
      <Choice names={many} seen={(keys) => seen.push(keys)} />
      <button type="button">After</button>
    </>,
  )
  await user.tab()
  expect(screen.getByRole('searchbox')).toHaveFocus()
  // Every one has "id" in its name; the one that is it comes first.
  await user.keyboard('ID{ArrowDown}')
  expect(screen.getByRole('checkbox', { name: 'id' })).toHaveFocus()
  await user.keyboard(' {End}')
  expect(screen.getByRole('checkbox', { name: 'width_48' })).toHaveFocus()
  await user.keyboard('{ArrowUp} {Home}{ArrowUp}')
  expect(seen).toEqual([['id'], ['id', 'width_47']])
  expect(screen.getByRole('searchbox')).toHaveFocus()
  await user.keyboard('_12')
  expect(screen.getByRole('status')).toHaveTextContent('No column has “ID_12”')
  await user.clear(screen.getByRole('searchbox'))
  await user.keyboard('width_12')
  expect(screen.getByRole('status')).toHaveTextContent('11 columns with “width_12”')
  await user.tab()
  expect(screen.getByRole('checkbox', { name: 'width_12' })).toHaveFocus()
  await user.tab()
  expect(screen.getByRole('button', { name: 'After' })).toHaveFocus()
})
