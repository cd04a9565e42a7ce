import * as Automerge from '@automerge/automerge'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { restorePath } from '../src/deletion.ts'
import { compactPath } from '../src/epochs.ts'
import { isSyncError } from '../src/errors.ts'
import { removePath } from '../src/local-edits.ts'
import { chunkPrefix } from '../src/stored-keys.ts'
import { Lab, type Node } from './replica-lab.ts'

const path = 'notes/x'
const names = ['a', 'b', 'c']
const links = [
  ['a', 'b'],
  ['b', 'c'],
] as const

type Step =
  | { readonly do: 'edit' | 'remove' | 'restore' | 'compact' | 'crash'; readonly at: number }
  | { readonly do: 'connect' | 'cut'; readonly link: number }
  | { readonly do: 'run'; readonly steps: number }

/** Steps of which the last ones are what devices do beside editing. */
function stepsWith(...calls: ('remove' | 'restore' | 'compact')[]): fc.Arbitrary<readonly Step[]> {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('edit' as const), at: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant('edit' as const), at: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constantFrom('crash' as const, ...calls), at: fc.nat({ max: 2 }) }),
    fc.record({
      do: fc.constantFrom('connect' as const, 'connect' as const, 'cut' as const),
      link: fc.nat({ max: 1 }),
    }),
    fc.record({ do: fc.constant('run' as const), steps: fc.nat({ max: 60 }) }),
  )
  return fc.array(step, { minLength: 10, maxLength: 60 })
}

/** A world in which every line that was written and never knowingly deleted must be somewhere. */
class World {
  readonly lab: Lab
  readonly #links = new Map<number, number>()
  readonly #mayBeGone = new Set<string>()
  readonly #written: { readonly node: Node; readonly line: string }[] = []
  #count = 0

  constructor(random: () => number) {
    this.lab = new Lab({ choose: (count) => Math.floor(random() * count) })
    for (const name of names) this.lab.node(name)
  }

  take(next: Step): void {
    const { lab } = this
    if ('steps' in next) {
      for (let at = 0; at < next.steps; at++) lab.step()
    } else if ('link' in next) this.#link(next.link, next.do)
    else {
      const node = lab.node(names[next.at] ?? '')
      if (next.do === 'edit') this.#edit(node)
      else if (next.do === 'crash') this.#crash(node)
      else if (next.do === 'remove') this.#remove(node)
      else if (next.do === 'compact') this.#compact(node)
      else this.#restore(node)
    }
  }

  #link(at: number, what: 'connect' | 'cut'): void {
    const old = this.#links.get(at)
    if (old !== undefined) this.lab.cut(old)
    const [from, to] = links[at] ?? ['a', 'b']
    if (what === 'connect') {
      this.#links.set(at, this.lab.connect(this.lab.node(from), this.lab.node(to)))
    }
  }

  #edit(node: Node): void {
    const line = `${node.name}${++this.#count}`
    // False when the deletion comes while the document is being opened.
    const edit = (): boolean => node.edit(path, (doc) => doc['lines'].push(line), { lines: [] })
    if (this.#isThere(node) && edit()) this.#written.push({ node, line })
  }

  /** A successor has to come before it can be edited. */
  #isThere(node: Node): boolean {
    const winner = node.replica.catalogue.winner(path)
    const isSuccessor = winner?.state === 'live' && winner.covered !== undefined
    return !isSuccessor || (node.replica.document(winner.documentId).heads.length ?? 0) > 0
  }

  /** What was not durable may be lost with the power. */
  #crash(node: Node): void {
    node.crash()
    const kept = linesOnDisk(node)
    for (const { node: writer, line } of this.#written) {
      if (writer === node && !kept.has(line)) this.#mayBeGone.add(line)
    }
  }

  #remove(node: Node): void {
    const id = node.replica.catalogue.winner(path)?.documentId
    if (id === undefined) return
    for (const line of linesOf(node, id)) this.#mayBeGone.add(line)
    removePath(node.replica, path)
    node.run(node.replica.takeEffects())
  }

  #compact(node: Node): void {
    if (node.replica.catalogue.winner(path)?.state !== 'live') return
    compactPath(node.replica, path, { force: false, onDone: () => {}, onRefused: unlessReplaced })
    node.run(node.replica.takeEffects())
  }

  #restore(node: Node): void {
    try {
      restorePath(node.replica, path)
    } catch (error) {
      if (!isSyncError(error) || error.code !== 'ERR_DOCUMENT_NOT_FOUND') throw error
    }
    node.run(node.replica.takeEffects())
  }

  /** Everything connected, and quiet. */
  calm(): void {
    for (const at of [0, 1, 0, 1]) {
      this.#link(at, 'connect')
      this.lab.settle()
    }
  }

  /** What is wrong: devices that disagree, and lines that are nowhere on a device. */
  get mistakes(): string[] {
    const nodes = names.map((name) => this.lab.node(name))
    const winners = new Set(nodes.map((node) => node.replica.catalogue.winner(path)?.hash))
    const lost = nodes.flatMap((node) => {
      const lines = linesOnDisk(node)
      const missing = this.#written.filter(
        ({ line }) => !lines.has(line) && !this.#mayBeGone.has(line),
      )
      return missing.map(({ line }) => `${line} on ${node.name}`)
    })
    const contents = new Set(nodes.map((node) => JSON.stringify(node.read(path))))
    if (winners.size + contents.size > 2) return ['they disagree', ...lost]
    return [...lost, ...this.#twice()]
  }

  /** Lines that several devices have carried into a new epoch, each its own. */
  #twice(): string[] {
    const [node] = this.lab.nodes.values()
    const content = node?.read(path) as { lines?: string[] } | undefined
    const lines = content?.lines ?? []
    return lines.filter((line, at) => lines.indexOf(line) < at).map((line) => `${line} twice`)
  }
}

/** Another successor may have come while the document was being read. */
function unlessReplaced(error: unknown): void {
  if (!isSyncError(error) || error.code !== 'ERR_DOCUMENT_DELETED') throw error
}

function linesOnDisk(node: Node): Set<string> {
  const ids = new Set(node.replica.catalogue.records(path).map(({ documentId }) => documentId))
  return new Set([...ids].flatMap((id) => linesIn(node, id)))
}

function linesIn(node: Node, id: string): string[] {
  const chunks = node.disk.scan(chunkPrefix(id)).map(({ value }) => value)
  if (chunks.length === 0) return []
  const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))
  const doc = Automerge.loadIncremental(Automerge.init<{ lines?: string[] }>(), bytes)
  return [...(doc.lines ?? [])]
}

function linesOf(node: Node, id: string): string[] {
  const state = node.replica.knownDocument(id)
  const lines = state?.doc?.['lines']
  return Array.isArray(lines) ? lines.map(String) : linesIn(node, id)
}

const what = {
  'deletions: no edit is lost that whoever deleted did not know': stepsWith('remove', 'restore'),
  'epochs: no edit is lost, none comes twice': stepsWith('compact'),
  'both together': stepsWith('remove', 'restore', 'compact'),
}

test.each(Object.entries(what))(
  'through cuts and crashes, %s',
  (_name, steps) => {
    fc.assert(
      fc.property(
        steps,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (all, stream) => {
          const world = new World(() => Number(stream.next().value))
          for (const one of all) world.take(one)
          world.calm()
          expect(world.mistakes).toEqual([])
        },
      ),
      { numRuns: Number(process.env['SP_RUNS'] ?? 15) },
    )
  },
  300_000,
)
