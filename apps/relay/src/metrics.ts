import { createServer, type Server, type ServerResponse } from 'node:http'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { RelayCore } from './core.ts'
import { denials, resetReasons } from './wire.ts'

/** What is counted outside the core. */
export interface DoorCounts {
  connections(): number
  halfOpen(): number
  isBackPlaneUp(): boolean
  readonly refusals: Map<number, number>
}

/**
 * Serves `/metrics` in the text format of Prometheus. Figures only: no topic, no key and no
 * address is in them.
 */
export function createMetricsServer(core: RelayCore, doors: DoorCounts): Server {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  addGauges(registry, core, doors)
  addCounters(registry, core, doors)
  return createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    void answer(registry, response)
  })
}

async function answer(registry: Registry, response: ServerResponse): Promise<void> {
  const text = await registry.metrics()
  response.writeHead(200, { 'content-type': registry.contentType }).end(text)
}

function addGauges(registry: Registry, core: RelayCore, doors: DoorCounts): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const made: Gauge = new Gauge({
      name: `vudo_relay_${name}`,
      help,
      registers: [registry],
      collect: () => made.set(value()),
    })
  }
  gauge('connections', 'Clients that have proven a key', () => doors.connections())
  gauge('half_open', 'Connections that have not yet', () => doors.halfOpen())
  gauge('topics', 'Topics with a client of this relay', () => core.topicCount)
  gauge('back_plane_up', '1 while the back-plane answers', () => (doors.isBackPlaneUp() ? 1 : 0))
}

function addCounters(registry: Registry, core: RelayCore, doors: DoorCounts): void {
  const { counts } = core
  const counter = (name: string, help: string, value: () => number): void => {
    const made: Counter = new Counter({
      name: `vudo_relay_${name}`,
      help,
      registers: [registry],
      collect: () => {
        made.reset()
        made.inc(value())
      },
    })
  }
  counter('frames_in_total', 'Frames of clients', () => counts.framesIn)
  counter('bytes_in_total', 'Bytes of those', () => counts.bytesIn)
  counter('frames_out_total', 'Frames passed to clients of this relay', () => counts.framesOut)
  counter('frames_to_others_total', 'Frames to other relays', () => counts.framesToOthers)
  counter('frames_from_others_total', 'Frames from other relays', () => counts.framesFromOthers)
  counter('gaps_total', 'Interruptions of the back-plane', () => counts.gaps)
  labelled(registry, 'resets_total', 'Pairs reset', () =>
    Object.entries(resetReasons).map(([name, code]) => [name, counts.resets[code]]),
  )
  labelled(registry, 'refusals_total', 'Clients refused', () =>
    Object.entries(denials).map(([name, code]) => [name, doors.refusals.get(code) ?? 0]),
  )
}

function labelled(
  registry: Registry,
  name: string,
  help: string,
  values: () => readonly (readonly [string, number])[],
): void {
  const made: Counter<'reason'> = new Counter({
    name: `vudo_relay_${name}`,
    help,
    labelNames: ['reason'],
    registers: [registry],
    collect: () => {
      made.reset()
      for (const [reason, value] of values()) made.inc({ reason }, value)
    },
  })
}
