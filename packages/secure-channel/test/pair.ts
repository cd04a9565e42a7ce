import { createNodeKey, type NodeKey } from '@vudo/identity'
import type { Link, Pipe } from '@vudo/transport'
import { secureLink, type SecureLinkOptions } from '@vudo/secure-channel'
import { memoryPipes, type MemoryPipe, type MemoryPipesInit } from './memory-pipes.ts'

export const alice: NodeKey = createNodeKey(new Uint8Array(32).fill(1))
export const bob: NodeKey = createNodeKey(new Uint8Array(32).fill(2))
export const mallory: NodeKey = createNodeKey(new Uint8Array(32).fill(3))

export type Overrides = Partial<SecureLinkOptions>

const path = { transport: 'memory', relayed: false }

/** Alice dials. */
export function dial(pipe: Pipe, overrides: Overrides = {}): Promise<Link> {
  return secureLink(pipe, { key: alice, initiator: true, path, ...overrides })
}

/** Bob answers. */
export function answer(pipe: Pipe, overrides: Overrides = {}): Promise<Link> {
  return secureLink(pipe, { key: bob, initiator: false, path, ...overrides })
}

export interface Pair {
  readonly a: Link
  readonly b: Link
  readonly pipeA: MemoryPipe
  readonly pipeB: MemoryPipe
}

/** Two linked ends. */
export async function pair(pipes: MemoryPipesInit = {}, overrides: Overrides = {}): Promise<Pair> {
  const [pipeA, pipeB] = memoryPipes(pipes)
  const [a, b] = await Promise.all([dial(pipeA, overrides), answer(pipeB, overrides)])
  return { a, b, pipeA, pipeB }
}

/** What both ends of an attempt come to, each error as `code` or `code < code of its cause`. */
export async function attempt(
  pipes: MemoryPipesInit = {},
  a: Overrides = {},
  b: Overrides = {},
): Promise<string[]> {
  const [pipeA, pipeB] = memoryPipes(pipes)
  const ends = await Promise.allSettled([dial(pipeA, a), answer(pipeB, b)])
  await Promise.all([pipeA.close(), pipeB.close()])
  return ends.map((end) => (end.status === 'fulfilled' ? 'linked' : outcomeOf(end.reason)))
}

export function outcomeOf(error: unknown): string {
  const { code, cause } = error as { code: string; cause?: { code?: string } }
  return cause?.code === undefined ? code : `${code} < ${cause.code}`
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** The next message as text. */
export async function next(link: Link): Promise<string | undefined> {
  const message = await link.receive()
  return message && new TextDecoder().decode(message.bytes)
}
