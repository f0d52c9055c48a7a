import { useCallback, useState } from 'react'

/** Which rows of a list are picked, by their ids. */
export function usePicked(): { picked: ReadonlySet<number>; pick: (ids: number[], on: boolean) => void; clear: () => void } {
  const [picked, setPicked] = useState<ReadonlySet<number>>(new Set())
  const pick = useCallback(
    (ids: number[], on: boolean) =>
      setPicked((before) => {
        const next = new Set(before)
        for (const id of ids) {
          if (on) next.add(id)
          else next.delete(id)
        }
        return next
      }),
    [],
  )
  const clear = useCallback(() => setPicked(new Set()), [])
  return { picked, pick, clear }
}
