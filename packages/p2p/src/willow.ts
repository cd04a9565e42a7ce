/** Willow, which is loaded when a node asks for it: a package that an application installs when it wants it. */
import path from 'node:path'
import { createEd25519Key, hkdfSha256, type AuthorKey } from '@vudo/identity'
import type { Network } from '@vudo/network'
import type { Willow, WillowInit } from '@vudo/willow'
import { dataDirectory, type Belongings } from './data-directory.ts'
import { P2PError } from './errors.ts'
import { logEvents } from './log.ts'
import type { P2PSettings } from './options.ts'
import { viewName } from './view-name.ts'

const keyInfo = new TextEncoder().encode('vudo/willow-user/1')

/**
 * Opens Willow for a node: in its data directory, with a key made from its author's.
 *
 * @throws `P2PError` `ERR_WILLOW_MISSING` when the package is not installed; what `openWillow` throws.
 */
export async function openWillowOf(
  settings: P2PSettings,
  { author, store, ticket }: Belongings,
  { network, load = () => import('@vudo/willow') }: WillowSurroundings,
): Promise<Willow> {
  const { openWillow } = await loadWillow(load)
  const view = store.sub(`${viewName(ticket)}-willow`)
  const payloadDirectory = path.join(dataDirectory(settings), 'willow', viewName(ticket))
  const willow = await openWillow({
    userKey: createEd25519Key(userSeed(author)),
    storage: settings.storage === 'memory' ? undefined : { view, payloadDirectory },
    sharing: network && { network, secret: ticket.secret },
  })
  logEvents(willow.events, 'p2p:willow')
  return willow
}

/** What Willow is opened with, besides what lies on the disk. */
export interface WillowSurroundings {
  readonly network?: Network | undefined
  /** Loads the package. @defaultValue a literal import, which bundlers see */
  readonly load?: (() => Promise<WillowPackage>) | undefined
}

/** What is used of the package. */
interface WillowPackage {
  readonly openWillow: (init: WillowInit) => Promise<Willow>
}

/**
 * Signatures of Willow have no tag, so its key must not be the author's own: one that is made
 * from it is as safe, and there is one file less to keep.
 */
function userSeed(author: AuthorKey): Uint8Array {
  return hkdfSha256(author.seed, { info: keyInfo, length: 32 })
}

async function loadWillow(load: () => Promise<WillowPackage>): Promise<WillowPackage> {
  try {
    return await load()
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new P2PError('ERR_WILLOW_MISSING', 'the package @vudo/willow is not installed', {
      cause,
      hint: 'npm i @vudo/willow',
    })
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  // In quotes: one of its own dependencies may be what is missing, and then its path is named too.
  return error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes("'@vudo/willow'")
}
