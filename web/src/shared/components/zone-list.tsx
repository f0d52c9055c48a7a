import { memo } from 'react'
import { knownZones } from '../lib/time'

/** The time zones, for an input with `list="zones"`. It has hundreds of options, so that it is drawn once. */
export const ZoneList = memo(function ZoneList() {
  return (
    <datalist id="zones">
      {knownZones.map((zone) => (
        <option key={zone} value={zone} />
      ))}
    </datalist>
  )
})
