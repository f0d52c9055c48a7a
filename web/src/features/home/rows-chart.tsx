import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Tally } from '@/shared/api/model'
import { formatCompact, formatCount, plural } from '@/shared/lib/format'

const label = { fill: 'var(--muted)', fontSize: 11 }

/** Rows loaded and rejected per bucket. Recharts is large, so this file is loaded when it is needed. */
export default function RowsChart({ tallies, name }: { tallies: Tally[]; name: (at: string) => string }) {
  return (
    <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 640, height: 224 }}>
      <BarChart data={tallies} margin={{ top: 4, right: 4, bottom: 0, left: -8 }} accessibilityLayer={false} barCategoryGap="22%">
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis dataKey="at" tickFormatter={name} tick={label} tickLine={false} axisLine={{ stroke: 'var(--line)' }} minTickGap={28} />
        <YAxis tickFormatter={(value: number) => formatCompact(Math.round(value))} tick={label} tickLine={false} axisLine={false} width={48} allowDecimals={false} />
        <Tooltip
          cursor={{ fill: 'var(--hover)', opacity: 0.6 }}
          isAnimationActive={false}
          content={({ active, payload }) => {
            const tally = (payload as readonly { payload?: Tally }[])[0]?.payload
            if (!active || !tally) return null
            return (
              <div className="rounded-md border border-line bg-raised px-3 py-2 text-xs shadow-pop">
                <p className="mb-1 font-medium">{name(tally.at)}</p>
                <p>{plural(tally.rows_loaded, 'row')} loaded</p>
                <p>{formatCount(tally.rows_rejected)} rejected</p>
                <p className="text-muted">
                  {plural(tally.runs_completed, 'run')} completed, {formatCount(tally.runs_failed)} failed
                </p>
              </div>
            )
          }}
        />
        <Bar dataKey="rows_loaded" stackId="rows" fill="var(--accent)" maxBarSize={26} radius={[2, 2, 0, 0]} isAnimationActive={false} />
        <Bar dataKey="rows_rejected" stackId="rows" fill="var(--bad)" maxBarSize={26} radius={[2, 2, 0, 0]} isAnimationActive={false} />
      </BarChart>
    </ResponsiveContainer>
  )
}
