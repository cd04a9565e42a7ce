import type { OutgoingFrame } from '../src/channel-state.ts'

/** A frame that goes out for the first time, without its bytes. */
export function frameOf(frameBytes: number): OutgoingFrame {
  return {
    buffer: new Uint8Array(0),
    frameBytes,
    payloadBytes: frameBytes,
    endOffset: 0,
    path: undefined,
    isElsewhere: false,
    isRepeated: false,
    lent: 0,
    sentAtMs: 0,
    deliveredBytes: 0,
    deliveredAtMs: 0,
  }
}
