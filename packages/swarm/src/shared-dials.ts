import { isPeerId, type Address, type PeerId } from '@vudo/transport'
import { orAborted } from './deadline.ts'

/** Who is to be dialled where. */
export interface DialWish {
  readonly address: Address
  readonly expected?: PeerId | undefined
  /** Gives up; the dial goes on while somebody else waits for it. */
  readonly signal?: AbortSignal | undefined
}

/** Begins a dial; `signal` fires when nobody waits for it any more. */
export type BeginDial<T> = (wish: DialWish & { readonly signal: AbortSignal }) => Promise<T>

/** Dials under way. */
export interface SharedDials<T> {
  /** Begins a dial, or waits for the one that is under way to the same peer at the same address. */
  dial(wish: DialWish): Promise<T>
}

/**
 * Makes one connection of dials that run side by side: the application's beside our own,
 * say. `scheme` is the transport's name.
 */
export function createSharedDials<T>(scheme: string, begin: BeginDial<T>): SharedDials<T> {
  const dialsByTarget = new Map<string, Dial<T>>()
  const start = (target: string, wish: DialWish): Dial<T> => {
    const nobodyWaits = new AbortController()
    const result = begin({ ...wish, signal: nobodyWaits.signal })
    const dial = { result, nobodyWaits, waiting: 0 }
    dialsByTarget.set(target, dial)
    const forget = (): void => {
      if (dialsByTarget.get(target) === dial) dialsByTarget.delete(target)
    }
    // Its failure belongs to those who wait.
    result.then(forget, forget)
    return dial
  }
  return {
    async dial(wish) {
      const target = targetOf(wish, scheme)
      const known = dialsByTarget.get(target)
      const isUsable = known?.nobodyWaits.signal.aborted === false
      return wait(isUsable ? known : start(target, wish), wish.signal)
    },
  }
}

interface Dial<T> {
  readonly result: Promise<T>
  readonly nobodyWaits: AbortController
  waiting: number
}

async function wait<T>(dial: Dial<T>, signal: AbortSignal | undefined): Promise<T> {
  dial.waiting += 1
  try {
    return await (signal ? orAborted(dial.result, signal) : dial.result)
  } finally {
    dial.waiting -= 1
    if (dial.waiting === 0) dial.nobodyWaits.abort(signal?.reason)
  }
}

/** Who expects another peer there does not share. An address that is a peer id says itself whom to expect. */
function targetOf({ address, expected }: DialWish, scheme: string): string {
  const named = address.startsWith(`${scheme}://`) ? address.slice(scheme.length + 3) : ''
  return `${address} ${expected ?? (isPeerId(named) ? named : '')}`
}
