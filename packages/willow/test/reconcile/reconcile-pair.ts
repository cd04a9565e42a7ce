/** Two reconciliations with a line between them, in one process. */
import type { Range3d } from '@vudo/meadowcap'
import { EntryReader, EntryWriter } from '../../src/reconcile/entry-stream.ts'
import { Reconciliation } from '../../src/reconcile/reconciliation.ts'
import type { SplitSettings } from '../../src/reconcile/split-policy.ts'
import type { ReconcileEffect, ReconcileInput } from '../../src/reconcile/reconcile-effects.ts'
import { StoreRequests } from '../../src/reconcile/store-requests.ts'
import type { WillowStore } from '../../src/store/store.ts'

export interface PairInit {
  readonly range: Range3d
  readonly settings?: readonly [SplitSettings, SplitSettings]
  /** Called before each leg is delivered. */
  readonly beforeLeg?: (leg: number) => Promise<void>
}

export interface PairResult {
  readonly legs: number
  readonly messages: number
  readonly bytes: number
  readonly failed: (ReconcileEffect & { readonly type: 'fail' }) | undefined
}

/** One end: runs its requests until it has nothing more to do. */
export class End {
  readonly core: Reconciliation
  readonly #requests: StoreRequests
  isDone = false
  failed: (ReconcileEffect & { readonly type: 'fail' }) | undefined

  constructor(
    store: WillowStore,
    init: { range: Range3d; isInitiator: boolean; settings?: SplitSettings | undefined },
  ) {
    this.core = new Reconciliation({
      ...init.settings,
      namespaceId: store.namespaceId,
      range: init.range,
      isInitiator: init.isInitiator,
      entryWriter: new EntryWriter(),
      entryReader: new EntryReader(),
    })
    this.#requests = new StoreRequests(store, 'peer')
  }

  /** Takes an input and all that follows; returns what is to be sent. */
  async run(input: ReconcileInput): Promise<Uint8Array[]> {
    const sent: Uint8Array[] = []
    const effects = [...this.core.handle(input)]
    for (let effect = effects.shift(); effect; effect = effects.shift()) {
      if (effect.type === 'send') sent.push(effect.bytes)
      else if (effect.type === 'done') this.isDone = true
      else if (effect.type === 'fail') this.failed = effect
      else if (effect.type === 'request') {
        const answer = await this.#requests.answer(effect.request)
        effects.push(...this.core.handle({ type: 'answer', answer }))
      }
    }
    return sent
  }
}

/** Runs both until neither has anything to say; every leg is what one end says before it hears again. */
export async function reconcile(
  a: WillowStore,
  b: WillowStore,
  init: PairInit,
): Promise<PairResult> {
  const { range, settings, beforeLeg } = init
  const ends = [
    new End(a, { range, isInitiator: true, settings: settings?.[0] }),
    new End(b, { range, isInitiator: false, settings: settings?.[1] }),
  ] as const
  let [legs, messages, bytes] = [0, 0, 0]
  let sent = await ends[0].run({ type: 'start' })
  for (let to: 0 | 1 = 1; sent.length > 0; to = to === 1 ? 0 : 1) {
    await beforeLeg?.(legs)
    legs += 1
    messages += sent.length
    const next: Uint8Array[] = []
    for (const message of sent) {
      bytes += message.length
      next.push(...(await ends[to].run({ type: 'message', bytes: message })))
    }
    sent = next
  }
  const failed = ends[0].failed ?? ends[1].failed
  if (!failed && !(ends[0].isDone && ends[1].isDone)) throw new Error('silence before the end')
  return { legs, messages, bytes, failed }
}
