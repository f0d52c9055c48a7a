import { cronWords } from '@/shared/lib/cron-words'
import { cronFields, partsOf, presetOf, readField, writeField, type Choice, type CronField } from './cron-fields'

function field(name: CronField['name']): CronField {
  const found = cronFields.find((each) => each.name === name)
  if (!found) throw new Error(name)
  return found
}

test.each([
  ['minute', '*', { mode: 'every' }],
  ['minute', '*/5', { mode: 'step', step: 5 }],
  ['minute', '*/0', { mode: 'text' }],
  ['hour', '9', { mode: 'list', values: [9] }],
  ['hour', '17,9,9', { mode: 'list', values: [9, 17] }],
  ['hour', '25', { mode: 'text' }],
  ['hour', '8-18', { mode: 'range', from: 8, to: 18 }],
  ['hour', '18-8', { mode: 'text' }],
  ['hour', '8-18/2', { mode: 'text' }],
  ['month', 'jan,12', { mode: 'list', values: [1, 12] }],
  ['day_of_week', 'MON-FRI', { mode: 'range', from: 1, to: 5 }],
  ['day_of_week', '7', { mode: 'list', values: [0] }],
  ['day_of_month', '', { mode: 'text' }],
  ['day_of_month', 'L', { mode: 'text' }],
] as const)('%s %s is read', (name, text, choice) => {
  expect(readField(field(name), text)).toEqual(choice)
})

test.each(cronFields)('what the builder writes of $name, it reads again', (each) => {
  for (let from = each.first; from <= each.last; from++) {
    const choices: Exclude<Choice, { mode: 'text' }>[] = [{ mode: 'range', from, to: each.last }, { mode: 'list', values: [...new Set([each.first, from])] }]
    for (const choice of choices) expect(readField(each, writeField(each, choice))).toEqual(choice)
    if (from > 0) expect(readField(each, writeField(each, { mode: 'step', step: from }))).toEqual({ mode: 'step', step: from })
  }
  expect(writeField(each, { mode: 'list', values: [] })).toBe('*')
})

test('an expression has five parts, and short forms have them too', () => {
  expect(partsOf(' 0  6 * *\tMON ')).toEqual(['0', '6', '*', '*', 'MON'])
  expect(partsOf('@Daily')).toEqual(['0', '0', '*', '*', '*'])
  expect(partsOf('@never')).toBeNull()
  expect(partsOf('0 0 6 * * *')).toBeNull()
})

test.each([
  ['* * * * *', '* * * * *'],
  ['@midnight', '0 0 * * *'],
  ['0 9 * * mon', '0 9 * * 1'],
  ['1 9 * * mon', null],
  ['', null],
])('%j is the preset %j', (expression, preset) => {
  expect(presetOf(expression)).toBe(preset)
})

test.each([
  ['0 9 * * 1', 'At 09:00, only on Monday'],
  ['0 0 * * *', 'At 00:00, every day'],
  ['@hourly', 'Every hour'],
  // Days of month or of week, as in crontab; both where one begins with *.
  ['0 0 1 * MON', 'At 00:00, on day 1 of the month, and on Monday'],
  ['0 0 */2 * MON', 'At 00:00, every 2 days in a month, only on Monday'],
  ['61 * * * *', null],
  ['nothing', null],
])('%s reads %s', async (expression, words) => {
  expect(await cronWords(expression)).toBe(words)
})
