import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { wasmBase64 } from '../../src/william3/wasm-binary.ts'
import { wasmBinarySource, william3Module } from './william3-module.ts'

it('is what its source gives, byte for byte', () => {
  expect(wasmBase64).toBe(Buffer.from(william3Module()).toString('base64'))
  const file = new URL('../../src/william3/wasm-binary.ts', import.meta.url)
  expect(readFileSync(file, 'utf8')).toBe(wasmBinarySource())
})

it('needs nothing from outside', () => {
  const compiled = new WebAssembly.Module(william3Module())
  expect(WebAssembly.Module.imports(compiled)).toEqual([])
  expect(WebAssembly.Module.exports(compiled).map(({ name }) => name)).toEqual([
    'memory',
    'lanes',
    'blocks',
  ])
})
