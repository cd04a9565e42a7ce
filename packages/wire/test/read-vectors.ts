import { readFileSync } from 'node:fs'

/** The vectors in `test/vectors/<name>.json`. */
export function readVectors(name: string): unknown {
  const file = new URL(`vectors/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}
