// Fails where schema.d.ts is not what openapi-typescript makes of internal/api/openapi.yaml.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dir = mkdtempSync(join(tmpdir(), 'etlportal-api-'))
try {
  const fresh = join(dir, 'schema.d.ts')
  execFileSync('openapi-typescript', ['../internal/api/openapi.yaml', '-o', fresh, '--alphabetize'], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (readFileSync(fresh, 'utf8') !== readFileSync('src/shared/api/schema.d.ts', 'utf8')) {
    console.error('src/shared/api/schema.d.ts is older than internal/api/openapi.yaml; run: npm run api')
    process.exitCode = 1
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
