import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import process from 'node:process'
import { createFrameDecoder } from '@vudo/wire'
import { CliError } from '../errors.ts'
import { unwritable } from '../file-errors.ts'
import { MAX_CONTROL_MESSAGE_BYTES, MAX_CONTROL_CONNECTIONS, MAX_OPEN_REQUESTS } from '../limits.ts'
import { controlAddress } from './address.ts'
import { decodeRequest, encodeMessage, errorToMessage, type Request } from './protocol.ts'

/** One operation of the node: returns what ends the answer, or yields items first. */
export type Operation = (
  args: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<unknown> | AsyncIterable<unknown>

/** A node's ear for commands. */
export interface ControlServer {
  /** Ends every command that is under way and takes the socket away. Idempotent. */
  close(): Promise<void>
}

/**
 * Listens for commands of this user, in the data directory. Whoever calls it owns the
 * directory (it holds the store's lock), so a socket found there is a leftover.
 */
export async function listenForCommands(
  dataDir: string,
  operations: ReadonlyMap<string, Operation>,
): Promise<ControlServer> {
  const address = controlAddress(dataDir)
  const isPipe = process.platform === 'win32'
  if (!isPipe) await makeWay(address)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, operations)
  })
  server.maxConnections = MAX_CONTROL_CONNECTIONS
  await listen(server, address)
  if (!isPipe) await chmod(address, 0o600)
  return {
    async close() {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      await closed.promise
      if (!isPipe) await rm(address, { force: true })
    },
  }
}

/** A leftover of a node that was killed is taken away; anything else stays, and is told. */
async function makeWay(address: string): Promise<void> {
  try {
    await mkdir(path.dirname(address), { recursive: true, mode: 0o700 })
    await rm(address, { force: true })
  } catch (cause) {
    throw unwritable(`the control socket ${address}`, cause)
  }
}

async function listen(server: Server, address: string): Promise<void> {
  const started = Promise.withResolvers<void>()
  server.once('error', started.reject)
  server.listen(address, () => started.resolve())
  await started.promise
  server.off('error', started.reject)
}

/** One connection: requests in, answers out, everything ended with it. */
function serve(socket: Socket, operations: ReadonlyMap<string, Operation>): void {
  const decoder = createFrameDecoder({ maxFrameBytes: MAX_CONTROL_MESSAGE_BYTES })
  const connection = new AbortController()
  let open = 0
  socket.on('data', (chunk) => {
    try {
      for (const frame of decoder.push(chunk)) {
        if (++open > MAX_OPEN_REQUESTS) throw new RangeError('too many open requests')
        const answered = answer(socket, decodeRequest(frame), operations, connection.signal)
        // An answer that cannot be given ends this connection, like a request that cannot be read.
        answered.catch(() => socket.destroy()).finally(() => open--)
      }
    } catch {
      // Whoever does not speak the protocol is let go; nothing of the node is touched.
      socket.destroy()
    }
  })
  // A command that was killed is no news; 'close' follows.
  socket.on('error', () => {})
  socket.once('close', () => connection.abort(new Error('the command has gone')))
}

async function answer(
  socket: Socket,
  { id, op, args }: Request,
  operations: ReadonlyMap<string, Operation>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const operation = operations.get(op)
    if (!operation) throw unknownOperation(op)
    const answered = operation(args, signal)
    if (!isStream(answered))
      return await send(socket, encodeMessage({ id, result: (await answered) ?? null }))
    for await (const item of answered) await send(socket, encodeMessage({ id, item }))
    await send(socket, encodeMessage({ id, result: null }))
  } catch (error) {
    if (!socket.destroyed) await send(socket, encodeMessage({ id, error: errorToMessage(error) }))
  }
}

/** Waits while the command does not read, so that a stream stays bounded. */
async function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return
  const ready = Promise.withResolvers<void>()
  const settle = (): void => ready.resolve()
  socket.once('drain', settle).once('close', settle)
  await ready.promise
  socket.off('drain', settle).off('close', settle)
}

function isStream(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value
}

function unknownOperation(op: string): CliError {
  return new CliError(
    'ERR_CONTROL_PROTOCOL',
    `the running node knows no operation ${JSON.stringify(op.slice(0, 64))}`,
    {
      hint: 'stop the node and start it again with this version of vudo',
    },
  )
}
