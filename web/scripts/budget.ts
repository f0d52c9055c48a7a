// Fails where the JavaScript that the first page loads passes its budget, and prints what it is.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const budget = 250_000
interface Chunk {
  file: string
  isEntry?: boolean
  imports?: string[]
}
const manifest = JSON.parse(readFileSync('dist/app/manifest.json', 'utf8')) as Record<string, Chunk>
const entry = Object.keys(manifest).find((key) => manifest[key]?.isEntry)
if (!entry) throw new Error('dist/app/manifest.json names no entry; run: npm run build')
// The first page is the home page: its chunk loads with the entry.
const first = [entry, ...Object.keys(manifest).filter((key) => key.endsWith('features/home/home-page.tsx'))]
const seen = new Set<string>()
const visit = (key: string): void => {
  const chunk = manifest[key]
  if (!chunk || seen.has(key)) return
  seen.add(key)
  chunk.imports?.forEach(visit)
}
first.forEach(visit)
let total = 0
for (const key of seen) {
  const file = manifest[key]?.file ?? ''
  if (!file.endsWith('.js')) continue
  const size = gzipSync(readFileSync(`dist/app/${file}`)).length
  total += size
  console.log(`${(size / 1000).toFixed(1).padStart(8)} kB  ${file}`)
}
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  first load, gzip (budget ${budget / 1000} kB)`)
if (total > budget) {
  console.error('The first load is over its budget: load more of it lazily.')
  process.exitCode = 1
}
