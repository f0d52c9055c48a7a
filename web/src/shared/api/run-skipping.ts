import { call, callWithTag, client } from './client'
import type { Run } from './model'

/** Lets the run's job skip bad rows and runs it on the same file; the answer is the new run. */
export async function runSkipping(run: Pick<Run, 'job_id' | 'file_id'>): Promise<number> {
  const path = { id: run.job_id }
  const { data: job, etag } = await callWithTag(client.GET('/api/v1/jobs/{id}', { params: { path } }))
  if (job.on_bad_row.mode !== 'skip') {
    const { name, file_id, credential_id, schema, table, create_table, load_strategy, upsert_keys, duplicate_keys, filter, batch_size, column_mappings, orchestrator } = job
    await call(
      client.PUT('/api/v1/jobs/{id}', {
        params: { path, header: { 'If-Match': etag } },
        body: {
          name, file_id, credential_id, schema, table, create_table, load_strategy, upsert_keys, filter, batch_size, column_mappings, orchestrator,
          duplicate_keys: duplicate_keys as 'last' | 'first' | 'fail' | undefined,
          on_bad_row: { mode: 'skip' },
        },
      }),
    )
  }
  const started = await call(client.POST('/api/v1/jobs/execute/{id}', { params: { path, header: { 'Idempotency-Key': crypto.randomUUID() } }, body: { file_id: run.file_id } }))
  return started.job_run_id
}
