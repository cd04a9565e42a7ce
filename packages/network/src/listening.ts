/** Lets several transports listen of which some may get no answer in this place. */
import type { AbortOptions, Transport } from '@vudo/transport'
import { START_GRACE_MS } from './limits.ts'
import { whenEnough } from './when-enough.ts'

/** What {@link listenAll} takes. */
export interface ListenOptions extends AbortOptions {
  /** A transport has begun to listen after the end of the wait: its addresses are news. */
  readonly onLate: () => void
}

/**
 * Settles when all listen, or a little after the first one does. Whoever uses one that is
 * late hears when it fails.
 *
 * @throws `TransportError` when one cannot listen, and says so in that time.
 */
export async function listenAll(
  transports: readonly Transport[],
  { signal, onLate }: ListenOptions,
): Promise<void> {
  let isOver = false
  const listen = async (transport: Transport): Promise<void> => {
    await transport.listen({ signal })
    if (isOver) onLate()
  }
  await whenEnough(transports.map(listen), START_GRACE_MS)
  isOver = true
}
