import { createFakeDisk, type FakeDisk } from '@vudo/storage'
import type { SimulatedDisk } from './disk.ts'
import type { Network } from './network.ts'
import type { Boot, ConnectionId, NodeEnvironment, SimulatedNode } from './node.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** A machine: it has a disk, and while it has power, a life. */
export class Host {
  readonly name: string
  readonly disk: FakeDisk
  readonly #world: World
  readonly #network: Network
  readonly #boot: Boot
  readonly #random: Random
  #life: Life | undefined

  constructor(name: string, boot: Boot, shared: { world: World; network: Network }) {
    this.name = name
    this.#boot = boot
    this.#world = shared.world
    this.#network = shared.network
    this.#random = shared.world.fork()
    const luck = shared.world.random.disk.fork()
    this.disk = createFakeDisk(() => luck.next(), { reads: 'synced' })
  }

  get life(): Life | undefined {
    return this.#life
  }

  /** Gives it power. Nothing happens when it has. */
  start(): void {
    if (this.#life) return
    this.#world.note(`${this.name} starts`)
    const shared = { world: this.#world, network: this.#network, random: this.#random.fork() }
    const life = new Life(this, shared)
    this.#life = life
    life.run((environment) => life.adopt(this.#boot(environment)))
  }

  /** Takes the power away: memory and whatever the disk had not written are gone. */
  crash(): void {
    const life = this.#life
    if (!life) return
    this.#life = undefined
    life.end()
    this.disk.crash()
    this.#world.count('crash')
    this.#world.note(`${this.name} crashes`)
    this.#network.lose(life)
  }

  /** A crash by chance, after which it comes back by itself. */
  crashByChance(): void {
    const world = this.#world
    this.crash()
    world.after(world.draw(world.random.crash, world.faults.downMs), () => this.start())
  }
}

/** One life of a node, from start to crash. Nothing it does after its end has an effect. */
export class Life implements NodeEnvironment {
  readonly host: Host
  readonly name: string
  readonly random: Random
  readonly disk: SimulatedDisk
  readonly #world: World
  readonly #network: Network
  /** What each timer's latest setting is called, so that an older one that runs out is known. */
  readonly #timers = new Map<string, number>()
  #settings = 0
  #node: SimulatedNode | undefined
  #isAlive = true

  constructor(host: Host, shared: { world: World; network: Network; random: Random }) {
    this.host = host
    this.name = host.name
    this.#world = shared.world
    this.#network = shared.network
    this.random = shared.random
    this.disk = {
      get: (key) => host.disk.get(key),
      scan: (prefix) => host.disk.scan(prefix),
      append: (operations) => {
        if (this.#mayAct()) host.disk.append(operations)
      },
      replace: (entries) => {
        if (this.#mayAct()) host.disk.replace(entries)
      },
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** The power may have failed while the node was starting. */
  adopt(node: SimulatedNode): void {
    if (this.#isAlive) this.#node = node
  }

  end(): void {
    this.#isAlive = false
    this.#node = undefined
  }

  /** Lets an event reach the node, if it still lives. What it throws ends the simulation. */
  deliver(event: (node: SimulatedNode) => void): void {
    const node = this.#node
    if (node) this.run(() => event(node))
  }

  run(event: (environment: NodeEnvironment) => void): void {
    try {
      event(this)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw this.#world.failure('ERR_NODE_THREW', `node ${this.name} threw: ${message}`, error)
    }
  }

  /** Every effect may be the one that the power fails at. */
  #mayAct(): boolean {
    const { faults, random } = this.#world
    if (this.#isAlive && random.crash.chance(faults.crashRate)) this.host.crashByChance()
    return this.#isAlive
  }

  now(): number {
    return this.#world.nowMs
  }

  setTimer(name: string, inMs: number): void {
    if (!(inMs >= 0 && inMs < Infinity)) {
      throw new RangeError(`inMs is ${inMs}, expected 0 or more`)
    }
    if (!this.#mayAct()) return
    const setting = ++this.#settings
    this.#timers.set(name, setting)
    this.#world.after(inMs, () => {
      if (this.#timers.get(name) !== setting || !this.#isAlive) return
      this.#timers.delete(name)
      this.#world.note(`${this.name} timer ${name}`)
      this.deliver((node) => node.timer(name))
    })
  }

  clearTimer(name: string): void {
    this.#timers.delete(name)
  }

  connect(to: string): ConnectionId {
    return this.#network.connect(this, to, this.#mayAct())
  }

  send(connection: ConnectionId, bytes: Uint8Array): void {
    if (this.#mayAct()) this.#network.send(this, connection, bytes)
  }

  close(connection: ConnectionId): void {
    if (this.#mayAct()) this.#network.close(this, connection)
  }

  /**
   * A disk writes at any moment between the request and its answer. Either end of that
   * span is taken by chance: written late, an early promise is found out; written
   * early, a promise for what was appended after the request is.
   */
  syncDisk(token: number): void {
    if (!this.#mayAct()) return
    const { random, faults } = this.#world
    const writesAtOnce = random.disk.chance(0.5)
    if (writesAtOnce) this.host.disk.sync()
    this.#world.after(this.#world.draw(random.disk, faults.diskSyncDelayMs), () => {
      if (!this.#isAlive) return
      if (!writesAtOnce) this.host.disk.sync()
      this.#world.note(`${this.name} disk synced ${token}`)
      this.deliver((node) => node.diskSynced?.(token))
    })
  }

  tell(effect: () => void): void {
    if (this.#mayAct()) effect()
  }
}
