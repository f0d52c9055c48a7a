import { X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { Button } from '@/shared/components'
import { Brand, NavigationList } from './sidebar'

/** The sidebar of narrow windows. */
export function MobileNavigation({ open, onOpenChange, onHelp }: { open: boolean; onOpenChange: (open: boolean) => void; onHelp: () => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 animate-fade bg-[oklch(0.15_0.02_270/0.45)] lg:hidden" />
        <Dialog.Content aria-describedby={undefined} className="fixed inset-y-0 left-0 z-50 flex w-64 max-w-[85vw] animate-fade flex-col border-r border-line bg-sidebar lg:hidden">
          <Dialog.Title className="sr-only">Navigation</Dialog.Title>
          <div className="flex h-13 shrink-0 items-center justify-between px-3" onClick={() => onOpenChange(false)}>
            <Brand />
            <Dialog.Close asChild>
              <Button variant="ghost" size="icon" aria-label="Close navigation">
                <X aria-hidden />
              </Button>
            </Dialog.Close>
          </div>
          <NavigationList
            onChosen={() => onOpenChange(false)}
            onHelp={() => {
              onOpenChange(false)
              onHelp()
            }}
          />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
