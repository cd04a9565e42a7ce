import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeBusMessages, encodeDataHead } from '../src/bus-messages.ts'
import { createGathering } from '../src/gathering.ts'
import { MAX_GATHERED_BYTES } from '../src/limits.ts'

const head = encodeDataHead(randomBytes(8), randomBytes(48))
const receiver = randomBytes(48)

/** A send frame with a number in it. */
function frameOf(n: number, bytes = 4): Buffer {
  const payload = Buffer.alloc(bytes)
  payload.writeUInt32BE(n)
  return Buffer.concat([Uint8Array.of(4), receiver, payload])
}

function numbersIn(message: Uint8Array): number[] {
  return decodeBusMessages(message).map((one) =>
    one.kind === 'data' ? Buffer.from(one.frame).readUInt32BE(49) : -1,
  )
}

describe('a gathering', () => {
  it('sends the frames of one turn as one message for each subject, in order', async () => {
    const sent: [string, number[]][] = []
    const gathering = createGathering((subject, bytes) => sent.push([subject, numbersIn(bytes)]))
    for (const n of [1, 2, 3]) gathering.add('a', { head, frame: frameOf(n) })
    gathering.add('b', { head, frame: frameOf(4) })
    gathering.add('a', { head, frame: frameOf(5) })
    expect(sent).toEqual([])
    await new Promise(setImmediate)
    expect(sent).toEqual([
      ['a', [1, 2, 3, 5]],
      ['b', [4]],
    ])
    gathering.add('a', { head, frame: frameOf(6) })
    await new Promise(setImmediate)
    expect(sent.at(-1)).toEqual(['a', [6]])
  })

  it('keeps each message within its bound, and counts what waits', () => {
    const sent: Uint8Array[] = []
    const gathering = createGathering((_subject, bytes) => sent.push(bytes))
    for (let n = 0; n < 10; n++) gathering.add('a', { head, frame: frameOf(n, 60_000) })
    expect(gathering.waitingBytes).toBeLessThanOrEqual(MAX_GATHERED_BYTES)
    expect(gathering.waitingBytes).toBeGreaterThan(60_000)
    gathering.end()
    expect(gathering.waitingBytes).toBe(0)
    expect(sent.flatMap(numbersIn)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(MAX_GATHERED_BYTES)
    expect(sent.length).toBe(5)
  })

  it('sends nothing twice when it is ended within the turn', async () => {
    const sent: number[][] = []
    const gathering = createGathering((_subject, bytes) => sent.push(numbersIn(bytes)))
    gathering.add('a', { head, frame: frameOf(1) })
    gathering.end()
    gathering.end()
    await new Promise(setImmediate)
    expect(sent).toEqual([[1]])
  })
})
