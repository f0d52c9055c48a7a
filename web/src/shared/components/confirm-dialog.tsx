import { AlertDialog } from 'radix-ui'
import { useState, type ReactNode } from 'react'
import { Button } from './button'
import { ErrorPanel } from './error-panel'
import { useReturnFocus } from './return-focus'

/**
 * Asks before what cannot be undone. It stays open with the reason where the act fails, and closes
 * once it is done. The button names the act ("Delete job"), never "OK".
 */
export function ConfirmDialog({ open, onOpenChange, title, children, action, dismiss = 'Cancel', onConfirm, danger = true }: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  children: ReactNode
  action: string
  /** The button that leaves everything as it is. */
  dismiss?: string
  onConfirm: () => Promise<unknown>
  danger?: boolean
}) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const onCloseAutoFocus = useReturnFocus(open)
  const change = (next: boolean) => {
    if (busy) return
    setError(null)
    onOpenChange(next)
  }
  const confirm = async () => {
    setBusy(true)
    setError(null)
    try {
      await onConfirm()
      onOpenChange(false)
    } catch (cause) {
      setError(cause)
    } finally {
      setBusy(false)
    }
  }
  return (
    <AlertDialog.Root open={open} onOpenChange={change}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="fixed inset-0 z-40 animate-fade bg-[oklch(0.15_0.02_270/0.45)]" />
        <AlertDialog.Content onCloseAutoFocus={onCloseAutoFocus} className="fixed top-[18vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 animate-fade overflow-hidden rounded-xl border border-line bg-raised shadow-pop">
          <div className="max-h-[60vh] overflow-y-auto px-5 py-4">
            <AlertDialog.Title className="text-base font-semibold break-words">{title}</AlertDialog.Title>
            <AlertDialog.Description asChild>
              <div className="mt-1.5 text-sm text-muted">{children}</div>
            </AlertDialog.Description>
            {error !== null && <ErrorPanel error={error} className="mt-4" />}
          </div>
          <div className="flex flex-wrap justify-end gap-2 border-t border-line bg-sunken px-5 py-3">
            <AlertDialog.Cancel asChild>
              <Button disabled={busy}>{dismiss}</Button>
            </AlertDialog.Cancel>
            <Button variant={danger ? 'danger' : 'primary'} busy={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
