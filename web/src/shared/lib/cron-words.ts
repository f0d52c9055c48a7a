import { useQuery } from '@tanstack/react-query'

/** A cron expression as a sentence: "At 09:00, only on Monday"; null where it cannot be read. */
export async function cronWords(expression: string): Promise<string | null> {
  const { default: cronstrue } = await import('cronstrue')
  const [, , day = '', , week = ''] = expression.trim().split(/\s+/)
  try {
    // As the portal: days of month and of week are both asked for where one begins with *.
    const words = cronstrue.toString(expression, { use24HourTimeFormat: true, logicalAndDayFields: day.startsWith('*') || week.startsWith('*') })
    return /^At [\d:]+$/.test(words) ? `${words}, every day` : words
  } catch {
    return null
  }
}

/** cronWords once its library is there; undefined until then. */
export function useCronWords(expression: string): string | null | undefined {
  return useQuery({ queryKey: ['cron-words', expression], queryFn: () => cronWords(expression), staleTime: Infinity, networkMode: 'always' }).data
}
