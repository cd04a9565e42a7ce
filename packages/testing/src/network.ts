import type { Host, Life } from './host.ts'
import type { ConnectionId, SimulatedNode } from './node.ts'
import { bytesToMark } from './trace.ts'
import type { World } from './world.ts'

interface End {
  readonly life: Life
  state: 'opening' | 'open' | 'closed'
  /** Nothing arrives here before what was sent earlier. */
  lastArrivalMs: number
}

interface Line {
  readonly id: ConnectionId
  readonly dialler: End
  accepter: End | undefined
  isCut: boolean
}

/** The connections between the hosts, and the splits that keep them apart. */
export class Network {
  readonly hosts: Map<string, Host> = new Map<string, Host>()
  readonly #world: World
  readonly #lines = new Map<ConnectionId, Line>()
  #lastId = 0
  /** The group of each node while the network is split; nodes without one are together in group 0. */
  #groups: ReadonlyMap<string, number> | undefined
  #splits = 0

  constructor(world: World) {
    this.#world = world
  }

  /** @param isActing - False for a life that ended: it gets a number and nothing else. */
  connect(from: Life, to: string, isActing: boolean): ConnectionId {
    if (to === from.name) throw new RangeError(`${to} connects to itself, expected another node`)
    const id = ++this.#lastId
    if (!isActing) return id
    const dialler: End = { life: from, state: 'opening', lastArrivalMs: 0 }
    const line: Line = { id, dialler, accepter: undefined, isCut: false }
    this.#lines.set(id, line)
    this.#world.note(`${from.name} connects to ${to} as ${id}`)
    this.#world.after(this.#world.networkDelay(), () => this.#arrive(line, to))
    return id
  }

  #arrive(line: Line, to: string): void {
    const { dialler, id } = line
    if (line.isCut || !dialler.life.isAlive) return
    const life = this.#hostOf(dialler, to).life
    if (!life || this.#isSplit(dialler.life.name, to) || this.#refuses()) {
      this.#break(line)
      return
    }
    const accepter: End = { life, state: 'open', lastArrivalMs: 0 }
    line.accepter = accepter
    this.#world.note(`${to} accepts ${id}`)
    // Before the accepter speaks, so that its first message arrives after the news.
    this.#carry(line, dialler, (node) => {
      dialler.state = 'open'
      this.#world.note(`${dialler.life.name} connected ${id}`)
      node.connected(id, to, true)
    })
    life.deliver((node) => node.connected(id, dialler.life.name, false))
  }

  /** Asked for only now, so that a node may connect to one that is added after it. */
  #hostOf(dialler: End, to: string): Host {
    const host = this.hosts.get(to)
    if (host) return host
    const what = `node ${dialler.life.name} connects to ${to}, and no node has that name`
    throw this.#world.failure('ERR_NODE_THREW', what)
  }

  #refuses(): boolean {
    const { random, faults } = this.#world
    const refuses = random.network.chance(faults.refusalRate)
    if (refuses) this.#world.count('refusal')
    return refuses
  }

  send(from: Life, id: ConnectionId, bytes: Uint8Array): void {
    const line = this.#lineOf(id)
    const ends = line && endsOf(line, from)
    if (!ends || ends.near.state === 'closed') return
    if (ends.near.state === 'opening' || !ends.far) {
      throw new RangeError(`connection ${id} is not open yet, expected a call of connected first`)
    }
    const { far } = ends
    const message = bytes.slice()
    this.#carry(line, far, (node) => {
      this.#world.note(
        `${far.life.name} received ${id} ${message.length} B ${bytesToMark(message)}`,
      )
      node.received(id, message)
    })
  }

  close(from: Life, id: ConnectionId): void {
    const line = this.#lineOf(id)
    const ends = line && endsOf(line, from)
    if (!ends || ends.near.state === 'closed') return
    this.#world.note(`${from.name} closes ${id}`)
    ends.near.state = 'closed'
    if (ends.far) this.#carry(line, ends.far, (node) => this.#tellClosed(line, node, ends.far))
    else line.isCut = true
    this.#forget(line)
  }

  #lineOf(id: ConnectionId): Line | undefined {
    if (!(id >= 1 && id <= this.#lastId)) {
      throw new RangeError(
        `connection ${id} never was, expected a number from connect or connected`,
      )
    }
    return this.#lines.get(id)
  }

  /** Brings something to `end` in order, unless it is lost on the way. */
  #carry(line: Line, end: End, event: (node: SimulatedNode) => void): void {
    const atMs = Math.max(this.#world.nowMs + this.#world.networkDelay(), end.lastArrivalMs)
    end.lastArrivalMs = atMs
    this.#world.at(atMs, () => {
      if (!line.isCut && end.state !== 'closed') end.life.deliver(event)
    })
  }

  #tellClosed(line: Line, node: SimulatedNode, end: End | undefined): void {
    if (!end || end.state === 'closed') return
    end.state = 'closed'
    this.#forget(line)
    this.#world.note(`${end.life.name} closed ${line.id}`)
    node.closed(line.id)
  }

  /** Ends a line at once; what is under way is lost, and the ends learn of it later, each by itself. */
  #break(line: Line): void {
    line.isCut = true
    for (const end of [line.dialler, line.accepter]) {
      if (!end || end.state === 'closed' || !end.life.isAlive) continue
      this.#world.after(this.#world.networkDelay(), () => {
        end.life.deliver((node) => this.#tellClosed(line, node, end))
      })
    }
    this.#forget(line)
  }

  /** A line nobody can use any more is dropped, so that long runs stay small. */
  #forget(line: Line): void {
    if (isOver(line.dialler) && isOver(line.accepter)) this.#lines.delete(line.id)
  }

  /** The connections of a life that ended break. */
  lose(life: Life): void {
    for (const line of this.#lines.values()) {
      if (!line.isCut && endsOf(line, life)) this.#break(line)
      else this.#forget(line)
    }
  }

  /** Cuts every connection for which `isMeant` says so. */
  cut(isMeant: (a: string, b: string) => boolean): void {
    for (const line of this.#lines.values()) {
      if (line.isCut || !line.accepter) continue
      const [a, b] = [line.dialler.life.name, line.accepter.life.name]
      if (isMeant(a, b)) this.#cutLine(line)
    }
  }

  cutOneByChance(): void {
    const open = [...this.#lines.values()].filter((line) => !line.isCut && line.accepter)
    if (open.length > 0) this.#cutLine(this.#world.random.network.pick(open))
  }

  #cutLine(line: Line): void {
    this.#world.count('cut')
    this.#world.note(`cut ${line.id}`)
    this.#break(line)
  }

  /** Splits the network; a later split or `heal` ends this one. Returns what ends exactly this one. */
  split(groups: readonly (readonly string[])[]): () => void {
    const groupByName = new Map(groups.flatMap((names, at) => names.map((name) => [name, at + 1])))
    for (const name of groupByName.keys()) this.#known(name)
    this.#groups = groupByName
    const split = ++this.#splits
    this.#world.count('partition')
    this.#world.note(`split ${groups.map((names) => names.join(' ')).join(' | ')}`)
    this.cut((a, b) => this.#isSplit(a, b))
    return () => {
      if (this.#splits === split) this.heal()
    }
  }

  heal(): void {
    if (this.#groups) this.#world.note('heal')
    this.#groups = undefined
  }

  #isSplit(a: string, b: string): boolean {
    return this.#groups !== undefined && (this.#groups.get(a) ?? 0) !== (this.#groups.get(b) ?? 0)
  }

  #known(name: string): void {
    if (!this.hosts.has(name)) throw new RangeError(`no node has the name ${name}`)
  }
}

function endsOf(line: Line, near: Life): { near: End; far: End | undefined } | undefined {
  const { dialler, accepter } = line
  if (dialler.life === near) return { near: dialler, far: accepter }
  return accepter?.life === near ? { near: accepter, far: dialler } : undefined
}

function isOver(end: End | undefined): boolean {
  return !end || end.state === 'closed' || !end.life.isAlive
}
