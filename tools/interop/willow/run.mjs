/**
 * Makes the files `interop-*.json` of packages/willow and packages/meadowcap anew, with the Rust
 * implementation of Willow'25, or says that they are what it makes:
 *
 *     node tools/interop/willow/run.mjs
 *     node tools/interop/willow/run.mjs --check
 *
 * Needs cargo and, at the first run, crates.io. No part of `npm test`: that reads the files.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'

const packageByFile = {
  william3: 'willow',
  drops: 'willow',
  encodings: 'meadowcap',
  capabilities: 'meadowcap',
  signatures: 'meadowcap',
}
const source =
  'made by tools/interop/willow with the Rust crates willow25 0.7.9 and bab_rs 0.8.1 (MIT OR Apache-2.0)'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const vectors = madeByRust()
if (vectors === undefined) process.exitCode = 1
else {
  for (const [name, content] of Object.entries(vectors)) {
    const file = path.join('packages', packageByFile[name], 'test/vectors', `interop-${name}.json`)
    const text = textOf({ source, ...content })
    if (values.check) compare(file, text)
    else {
      writeFileSync(path.join(root(), file), text)
      console.log(`wrote ${file}, ${text.length} bytes`)
    }
  }
}

function madeByRust() {
  const { error, status, stdout } = spawnSync(
    'cargo',
    ['run', '--release', '--quiet', '--locked'],
    {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      maxBuffer: 64 * 1_048_576,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  if (error?.code === 'ENOENT') {
    console.error('cargo is not installed: without it nothing is made, and nothing was compared')
    return undefined
  }
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`cargo ended with status ${status}`)
  return JSON.parse(stdout)
}

function compare(file, text) {
  const same = readFileSync(path.join(root(), file), 'utf8') === text
  console.log(`${file} ${same ? 'is' : 'is NOT'} what the crates make`)
  if (!same) process.exitCode = 1
}

/** One line for each vector, so that a change shows where it is. */
function textOf(content) {
  const fields = Object.entries(content).map(([name, value]) => {
    if (!Array.isArray(value)) return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`
    const lines = value.map((item) => `    ${JSON.stringify(item)}`)
    return `  ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n  ]`
  })
  return `{\n${fields.join(',\n')}\n}\n`
}

function root() {
  return path.resolve(import.meta.dirname, '../../..')
}
