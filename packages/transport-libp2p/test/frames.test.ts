import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { frame } from './plain-node.ts'
import { createFrameReader, type Frame, type Lane } from '../src/frames.ts'

interface Vectors {
  readonly valid: readonly {
    readonly name: string
    readonly stream: string
    readonly frames: readonly { readonly lane: Lane; readonly message: string }[]
  }[]
  readonly invalid: readonly { readonly name: string; readonly stream: string }[]
}

const file = new URL('vectors/frames.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

it.each(vectors.valid)('reads and writes $name', ({ stream, frames }) => {
  const received: Frame[] = []
  createFrameReader((one) => received.push(one)).push(Buffer.from(stream, 'hex'))
  const shown = received.map(({ lane, bytes }) => ({
    lane,
    message: Buffer.from(bytes).toString('hex'),
  }))
  expect(shown).toEqual(frames)
  const written = frames.map(({ lane, message }) => frame(lane, Buffer.from(message, 'hex')))
  expect(Buffer.concat(written).toString('hex')).toBe(stream)
})

it.each(vectors.invalid)('refuses $name', ({ stream }) => {
  const decoder = createFrameReader(() => undefined)
  expect(() => decoder.push(Buffer.from(stream, 'hex'))).toThrow(
    expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' }),
  )
})
