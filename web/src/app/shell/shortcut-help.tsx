import { Checkbox, Dialog, Kbd } from '@/shared/components'
import { setShortcutsEnabled, useShortcutList, useShortcutsEnabled } from '@/shared/lib/shortcuts'

const order = ['General', 'Go to', 'Lists']

/** All keys of the page, and the switch for the single ones. */
export function ShortcutHelp({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const list = useShortcutList()
  const enabled = useShortcutsEnabled()
  const groups = [...new Set([...order, ...list.map((each) => each.group)])].filter((group) => list.some((each) => each.group === group))
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Keyboard shortcuts"
      wide
      footer={
        <Checkbox className="mr-auto" checked={enabled} onChange={(event) => setShortcutsEnabled(event.target.checked)} label="Single keys act as shortcuts" hint="Switch off where they meet with speech input or other software. Ctrl K always works." />
      }
    >
      <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
        {groups.map((group) => (
          <section key={group}>
            <h3 className="mb-1 text-xs font-medium text-muted">{group}</h3>
            <dl>
              {list
                .filter((each) => each.group === group)
                .map((each) => (
                  <div key={each.keys} className="flex min-h-8 items-center justify-between gap-4 border-b border-line text-sm last:border-0">
                    <dt>{each.label}</dt>
                    <dd>
                      <Kbd keys={each.keys} />
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
