import { readFileSync } from 'node:fs'

/** The vectors in `test/vectors/<name>.json`. */
export function readVectors(name: string): unknown {
  const file = new URL(`vectors/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** `bytes` once for each byte, with one bit of it flipped. */
export function flipEachByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte, at) => bytes.with(at, byte ^ (1 << (at % 8))))
}

/** 32 bytes of one value: a seed that tests can tell apart. */
export function testSeed(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}
