import { useLayoutEffect, useRef } from 'react'

/** What a dialog opened by state had the focus before it; of a menu's item, which goes away, the menu's button. */
function opener(): HTMLElement | null {
  const active = document.activeElement
  if (!(active instanceof HTMLElement) || active === document.body) return null
  const menu = active.closest('[role="menu"]')?.getAttribute('aria-labelledby')
  return menu ? document.getElementById(menu) : active
}

/**
 * Gives the focus back when a dialog without a trigger closes: to what had it when the dialog
 * opened, else to the page's heading. Where the focus was taken meanwhile it stays.
 */
export function useReturnFocus(open: boolean): (event: Event) => void {
  const from = useRef<HTMLElement | null>(null)
  useLayoutEffect(() => {
    if (open) from.current ??= opener()
  }, [open])
  return (event) => {
    event.preventDefault()
    const to = from.current
    from.current = null
    if (document.activeElement !== null && document.activeElement !== document.body) return
    if (to?.isConnected) to.focus()
    if (to === null || document.activeElement !== to) document.querySelector<HTMLElement>('h1')?.focus()
  }
}
