/** What simulated nodes send each other, and whether it arrived as it was sent. */

/** What was said and heard in all sessions, kept outside the nodes: it survives their crashes. */
export class SimulatedBooks {
  /** Messages given to `send`, by session, channel and sender. */
  readonly sent = new Map<string, number>()
  readonly received = new Map<string, number>()
  /** Directions whose sender ended after so many messages. */
  readonly ended = new Map<string, number>()
  /** Directions of which the receiver saw the end. */
  readonly seenEnd = new Set<string>()
  readonly mistakes: string[] = []
  /** Sessions that went on after they had no connection, and connections that joined others. */
  resumed = 0
  joined = 0
  /** How often another path became the best. */
  changes = 0

  send(direction: string): number {
    const number = this.sent.get(direction) ?? 0
    this.sent.set(direction, number + 1)
    return number
  }

  receive(direction: string, bytes: Uint8Array): void {
    const expected = this.received.get(direction) ?? 0
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    if (number !== expected) this.mistakes.push(`${direction}: ${number}, expected ${expected}`)
    const length = lengthOf(number)
    if (bytes.length !== length)
      this.mistakes.push(`${direction}: ${bytes.length} of ${length} bytes`)
    if (bytes.subarray(4).some((byte) => byte !== (number & 255))) {
      this.mistakes.push(`${direction}: message ${number} was altered`)
    }
    this.received.set(direction, expected + 1)
  }

  end(direction: string): void {
    const received = this.received.get(direction) ?? 0
    const ended = this.ended.get(direction)
    if (ended !== received) this.mistakes.push(`${direction}: ended at ${received}, not ${ended}`)
    this.seenEnd.add(direction)
  }
}

/** Message `number` has this many bytes: mostly small, some of many fragments. */
function lengthOf(number: number): number {
  if (number % 23 === 7) return 100_000
  return 4 + (number % 50)
}

/** Message `number` of a direction: the number, then bytes that tell of it. */
export function messageOf(number: number): Uint8Array {
  const bytes = new Uint8Array(lengthOf(number)).fill(number & 255)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}
