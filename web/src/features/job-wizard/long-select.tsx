import { useMemo, useState, type ComponentProps } from 'react'
import { Select } from '@/shared/components'

/** Lists of more choices are made only when they are about to be opened. */
const long = 60

/** An entry of a LongSelect. */
export interface Choice {
  value: string
  label: string
  disabled?: boolean
}

/** A choice of many: hundreds of entries are in the page only while one chooses. */
export function LongSelect({ choices, value, none, onChoose, ...rest }: Omit<ComponentProps<'select'>, 'value' | 'onChange' | 'children'> & {
  choices: readonly Choice[]
  value: string
  /** What the entry of no choice says. */
  none: string
  onChoose: (value: string) => void
}) {
  const [near, setNear] = useState(false)
  const all = near || choices.length <= long
  const options = useMemo(
    () =>
      (all ? choices : choices.filter((each) => each.value === value)).map((each) => (
        <option key={each.value} value={each.value} disabled={each.disabled}>
          {each.label}
        </option>
      )),
    [all, choices, value],
  )
  return (
    <Select {...rest} value={value} onPointerEnter={() => setNear(true)} onFocus={() => setNear(true)} onBlur={() => setNear(false)} onChange={(event) => onChoose(event.target.value)}>
      <option value="">{none}</option>
      {options}
    </Select>
  )
}
