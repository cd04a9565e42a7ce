/**
 * What a process of the sync benches has used so far: CPU time, memory, and what crossed its
 * sockets. Counted the same way for every contender: bytes of TCP with handshakes and all, and
 * beside them messages of the sync channel and their bytes, in both directions.
 */
import diagnostics from 'node:diagnostics_channel'
import process from 'node:process'
import { WebSocket } from 'ws'

const sockets = new Set()
for (const name of ['net.client.socket', 'net.server.socket']) {
  diagnostics.subscribe(name, ({ socket }) => void sockets.add(socket))
}

let frames = 0
let syncBytes = 0
/** `o` for each message that went out and `i` for each that came in, in their order; capitals for receipts. */
let trail = ''

/** Kinds of `/vudo/sync/1` that tell what has arrived, and for which nobody waits with anything: received and stored. */
const receipts = new Set([6, 7])

function count(direction, message, isReceipt = false) {
  frames += 1
  const step = direction === 'out' ? 'o' : 'i'
  trail += isReceipt ? step.toUpperCase() : step
  syncBytes += message.byteLength ?? Buffer.byteLength(message)
}

/** Counts every message of every WebSocket of this process. */
export function meterWebSockets() {
  const { send, emit } = WebSocket.prototype
  WebSocket.prototype.send = function (data, ...rest) {
    count('out', data)
    return send.call(this, data, ...rest)
  }
  WebSocket.prototype.emit = function (event, ...args) {
    if (event === 'message') count('in', args[0])
    return emit.call(this, event, ...args)
  }
}

/** Counts every message of every channel of `@vudo/network` of this process; the sync engine opens no others. */
export async function meterChannels() {
  const file = new URL('channel.js', import.meta.resolve('@vudo/network')).href
  const { SessionChannel } = await import(file)
  const { send, receive } = SessionChannel.prototype
  SessionChannel.prototype.send = function (message, options) {
    count('out', message, receipts.has(message[0]))
    return send.call(this, message, options)
  }
  SessionChannel.prototype.receive = async function (options) {
    const message = await receive.call(this, options)
    if (message !== undefined) count('in', message, receipts.has(message[0]))
    return message
  }
}

/** Milliseconds of the clock that all processes of one machine share. */
export function nowMs() {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

/** Everything so far. */
export function usage() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  let tcpBytes = 0
  for (const { bytesRead, bytesWritten } of sockets) tcpBytes += bytesRead + bytesWritten
  const cpuMs = (userCPUTime + systemCPUTime) / 1_000
  return { cpuMs, peakMb: maxRSS / 1_024, tcpBytes, syncBytes, frames }
}

/** The messages of this process so far; see {@link legsOf}. */
export function messageTrail() {
  return trail
}

/**
 * How many messages had to wait for each other until each end had everything: the depth of the
 * last message that came in there, where a message is one deeper than the deepest that its
 * sender had got before. Messages that cross on their way count as one. Two legs are one round trip.
 *
 * With `isAwaited` a receipt makes nothing deeper that is sent after it. Without, a hundred documents
 * that are answered one after the other, while receipts for the first ones come back, count as two
 * legs more, although nothing has waited for those.
 */
export function legsOf(trails, { isAwaited = false } = {}) {
  const ends = trails.map((steps) => ({ steps, at: 0, depth: 0, sent: [], taken: 0 }))
  for (let isMoving = true; isMoving;) {
    isMoving = false
    for (const [index, end] of ends.entries()) {
      const { sent } = ends[1 - index]
      for (; end.at < end.steps.length; end.at++) {
        const step = end.steps[end.at]
        const isOut = step.toLowerCase() === 'o'
        if (!isOut && end.taken >= sent.length) break
        if (isOut) end.sent.push(end.depth + 1)
        else if (isAwaited && step === 'I') end.taken += 1
        else end.depth = Math.max(end.depth, sent[end.taken++])
        isMoving = true
      }
    }
  }
  return ends.map(({ depth }) => depth)
}

/** Waits until no message has crossed for `quietMs`, and tells when the last one did. */
export async function quiet(quietMs = 1_500) {
  let last = nowMs()
  for (let seen = frames; nowMs() - last < quietMs;) {
    await new Promise((resolve) => void setTimeout(resolve, 20))
    if (frames !== seen) last = nowMs()
    seen = frames
  }
  return last
}
