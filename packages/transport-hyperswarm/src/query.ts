// oxlint-disable-next-line typescript/triple-slash-reference -- ambient types of a package that has none
/// <reference path="./hyperdht.d.ts" />
import type HyperDHT from 'hyperdht'
import type { Query } from 'hyperdht'
import { TransportError } from '@vudo/transport'

/** The node's own view of the DHT, as the errors need it. */
export type Dht = HyperDHT

/**
 * Waits for the end of a walk through the DHT.
 *
 * @throws `signal.reason`, and the walk is given up; `TransportError` `ERR_DIAL_FAILED` when no
 *   node of the DHT answered.
 */
export async function finished(query: Query, signal: AbortSignal | undefined): Promise<void> {
  await guarded(query, signal, () => query.finished())
}

/** As {@link finished}, with `run` doing the walking. */
export async function guarded<T>(
  query: Query,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  const abort = (): void => query.destroy()
  // A walk that is given up may fail later, when nobody waits for it any more.
  query.on('error', () => undefined)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    const result = await run()
    signal?.throwIfAborted()
    if (query.successes === 0) throw nobodyAnswers()
    return result
  } catch (error) {
    signal?.throwIfAborted()
    throw query.successes === 0 ? nobodyAnswers(error) : error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** Every request was lost: wrong bootstrap nodes, or no network. */
export function nobodyAnswers(cause?: unknown): TransportError {
  return new TransportError('ERR_DIAL_FAILED', 'no node of the DHT answers', {
    cause,
    hint: 'check bootstrapNodes, that the bootstrap runs, and that UDP passes; it is tried again by itself',
  })
}
