import { fireEvent, render, renderHook, screen } from '@testing-library/react'
import { handleKey, keyLabels, setShortcutsEnabled, useShortcut, useShortcutList } from './shortcuts'

beforeEach(() => window.addEventListener('keydown', handleKey))
afterEach(() => {
  window.removeEventListener('keydown', handleKey)
  setShortcutsEnabled(true)
})

function bind(keys: string, active = true) {
  const run = vi.fn()
  const hook = renderHook(({ on }) => useShortcut(keys, `does ${keys}`, 'Test', run, on), { initialProps: { on: active } })
  return { run, ...hook }
}
const press = (key: string, init: KeyboardEventInit = {}, target: Element | Window = window) => fireEvent.keyDown(target, { key, ...init })

test('a key, a sequence, a combination', () => {
  const one = bind('?')
  const two = bind('g f')
  const three = bind('mod+k')
  press('?')
  press('g')
  press('f')
  press('f')
  press('k', { ctrlKey: true })
  press('K', { metaKey: true })
  expect(one.run).toHaveBeenCalledTimes(1)
  expect(two.run).toHaveBeenCalledTimes(1)
  expect(three.run).toHaveBeenCalledTimes(2)
})

test('single keys rest in fields, behind dialogs, and when they are switched off; combinations do not', () => {
  const single = bind('j')
  const combined = bind('mod+k')
  render(<input aria-label="field" />)
  press('j', {}, screen.getByLabelText('field'))
  setShortcutsEnabled(false)
  press('j')
  press('k', { ctrlKey: true })
  setShortcutsEnabled(true)
  const { unmount } = render(<div role="dialog" />)
  press('j')
  expect(single.run).not.toHaveBeenCalled()
  expect(combined.run).toHaveBeenCalledTimes(1)
  unmount()
  press('j')
  expect(single.run).toHaveBeenCalledTimes(1)
})

test('what is not mounted or not active is neither bound nor listed', () => {
  const off = bind('x', false)
  const gone = bind('y')
  const list = renderHook(() => useShortcutList())
  expect(list.result.current.map((each) => each.keys)).toEqual(['y'])
  gone.unmount()
  press('x')
  press('y')
  expect(off.run).not.toHaveBeenCalled()
  expect(gone.run).not.toHaveBeenCalled()
})

test('labels', () => expect(keyLabels('mod+k')).toEqual(['Ctrl', 'K']))
