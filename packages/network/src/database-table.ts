/** The databases that this node takes part in: what proves each, and its presence in the world. */
import { derivePrivateTopic, deriveTopic } from '@vudo/topic'
import type { PeerInfo, PeerRecord } from '@vudo/transport'
import { bytesEqual } from '@vudo/wire'
import { NetworkError } from './errors.ts'
import { MAX_DATABASE_ID_BYTES, MAX_DATABASES } from './limits.ts'
import { deriveDatabaseKey, type DatabaseKey } from './membership.ts'
import type { DatabaseTicket } from './network.ts'
import { Presence, type PresenceInit } from './presence.ts'

/** What the table needs: what a presence needs, with the database named. */
export interface DatabaseTableInit extends Omit<PresenceInit, 'topic' | 'onRecord' | 'onPeer'> {
  readonly onRecord: (record: PeerRecord, source: RecordSource) => void
  readonly onPeer: (peer: PeerInfo, databaseId: string) => void
}

/** Where a record was found. */
export interface RecordSource {
  readonly databaseId: string
  /** By a discovery that hears the local network only. */
  readonly isLocal: boolean
}

interface JoinedDatabase {
  readonly key: DatabaseKey
  readonly presence: Presence
  readonly started: PromiseWithResolvers<void>
}

const utf8 = new TextEncoder()

/** Databases by id. */
export class DatabaseTable {
  readonly #init: DatabaseTableInit
  readonly #databases = new Map<string, JoinedDatabase>()
  #isStarted = false

  constructor(init: DatabaseTableInit) {
    this.#init = init
  }

  /** What proves each database. */
  keys(): DatabaseKey[] {
    return [...this.#databases.values()].map(({ key }) => key)
  }

  /** Adds a database; `started` settles when it is announced, which waits for {@link start}. */
  join({ id, secret }: DatabaseTicket): {
    readonly key: DatabaseKey
    readonly isNew: boolean
    readonly started: Promise<void>
  } {
    const { length } = utf8.encode(id)
    if (length === 0 || length > MAX_DATABASE_ID_BYTES) {
      throw new RangeError(
        `database id has ${length} bytes, expected 1 to ${MAX_DATABASE_ID_BYTES}`,
      )
    }
    // Derived first: it checks the length of the secret.
    const topic = secret === undefined ? deriveTopic(id) : derivePrivateTopic(id, secret)
    const key = deriveDatabaseKey(id, secret)
    const present = this.#databases.get(id)
    if (present !== undefined) {
      if (bytesEqual(present.key.key, key.key)) {
        return { key, isNew: false, started: present.started.promise }
      }
      throw new RangeError(`database "${id}" was joined with another secret`)
    }
    if (this.#databases.size >= MAX_DATABASES) {
      throw new NetworkError('ERR_LIMIT', `${MAX_DATABASES} databases are joined`, {
        hint: 'leave one',
      })
    }
    const presence = this.#createPresence(id, topic)
    const database = { key, presence, started: Promise.withResolvers<void>() }
    this.#databases.set(id, database)
    if (this.#isStarted) database.started.resolve(presence.start())
    return { key, isNew: true, started: database.started.promise }
  }

  /** @throws `NetworkError` `ERR_DATABASE_UNKNOWN`. */
  async leave(id: string): Promise<void> {
    const database = this.#databases.get(id)
    if (database === undefined) {
      throw new NetworkError('ERR_DATABASE_UNKNOWN', `database "${id}" was not joined`, {
        hint: 'join it first',
      })
    }
    this.#databases.delete(id)
    await this.#end(database)
  }

  /** The transports listen: what was joined before is announced now. */
  start(): void {
    this.#isStarted = true
    for (const { presence, started } of this.#databases.values()) {
      started.resolve(presence.start())
    }
  }

  /** Looks for peers of every database. */
  async search(): Promise<PeerInfo[]> {
    const found = await Promise.all(
      [...this.#databases.values()].map(({ presence }) => presence.search()),
    )
    return [...new Map(found.flat().map((peer) => [peer.id, peer])).values()]
  }

  /** This node may be elsewhere now: announces and searches at once. */
  refresh(): void {
    for (const { presence } of this.#databases.values()) presence.refresh()
  }

  async stop(): Promise<void> {
    const databases = [...this.#databases.values()]
    this.#databases.clear()
    await Promise.all(databases.map((database) => this.#end(database)))
  }

  async #end({ presence, started }: JoinedDatabase): Promise<void> {
    started.resolve()
    await presence.stop()
  }

  #createPresence(id: string, topic: Uint8Array): Presence {
    const { onRecord, onPeer, ...rest } = this.#init
    return new Presence({
      ...rest,
      topic,
      onRecord: (record, isLocal) => onRecord(record, { databaseId: id, isLocal }),
      onPeer: (peer) => onPeer(peer, id),
    })
  }
}
