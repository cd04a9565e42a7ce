import * as Automerge from '@automerge/automerge'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { vetBundle, vetDocument } from '../src/automerge-chunks.ts'
import { actorSpans, newSince, readChangeTable, type ChangeTable } from '../src/change-table.ts'
import type { AnyDocument } from '../src/document-state.ts'

/** What three devices do, by number: edit, or take what another has. */
const steps = fc.array(fc.record({ who: fc.nat(2), from: fc.nat(2) }), {
  minLength: 2,
  maxLength: 40,
})

function history(list: readonly { readonly who: number; readonly from: number }[]): AnyDocument {
  const docs = new Map<number, AnyDocument>()
  const docOf = (who: number): AnyDocument =>
    docs.get(who) ?? Automerge.init({ actor: `a${who}`.repeat(16) })
  for (const { who, from } of list) {
    const own = docOf(who)
    const next =
      from === who
        ? Automerge.change(own, (doc) => (doc['n'] = who))
        : Automerge.merge(own, docOf(from))
    docs.set(who, next)
  }
  return Automerge.merge(Automerge.merge(docOf(0), docOf(1)), docOf(2))
}

function builtOn(table: ChangeTable, row: number): string[] {
  const { firstDependency, dependencies, rows, outside } = table
  const rowsOf = dependencies.subarray(firstDependency[row], firstDependency[row + 1])
  return [...rowsOf].map((at) => (at < rows ? nameOf(table, at) : (outside[at - rows] ?? '')))
}

function nameOf({ actors, actorOf, seqOf }: ChangeTable, row: number): string {
  return `${actors[actorOf[row] ?? -1]} ${seqOf[row]}`
}

test('the table of a saved document says what Automerge says of each change', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const doc = history(list)
      const metas = Automerge.getChangesMetaSince(doc, [])
      const names = new Map(metas.map(({ hash, actor, seq }) => [hash, `${actor} ${seq}`]))
      const table = readChangeTable(vetDocument(Automerge.save(doc)).table)
      expect(table.rows).toBe(metas.length)
      for (let row = 0; row < table.rows; row++) {
        const meta = metas.find(({ hash }) => names.get(hash) === nameOf(table, row))
        const deps = meta?.deps.map((hash) => names.get(hash))
        expect(builtOn(table, row).toSorted()).toEqual(deps?.toSorted())
      }
      for (const { actor, lastSeq } of actorSpans(table) ?? []) {
        expect(metas.filter((meta) => meta.actor === actor)).toHaveLength(lastSeq)
      }
      for (const { hash, actor, seq } of metas) {
        const since = Automerge.getChangesMetaSince(doc, [hash])
        const found = newSince(table, [{ actor, seq }])
        expect(found.changes).toBe(since.length)
        expect(found.actors.toSorted()).toEqual(
          [...new Set(since.map((meta) => meta.actor))].toSorted(),
        )
      }
    }),
    { numRuns: 60 },
  )
})

test('the table of a bundle names what it builds on outside', () => {
  fc.assert(
    fc.property(steps, fc.nat(), (list, at) => {
      const doc = history(list)
      const metas = Automerge.getChangesMetaSince(doc, [])
      const base = metas[at % Math.max(1, metas.length)]
      if (!base) return
      const since = Automerge.getChangesMetaSince(doc, [base.hash])
      if (since.length === 0) return
      const inside = new Set(since.map(({ hash }) => hash))
      const { table } = vetBundle(Automerge.saveBundle(doc, [...inside]))
      const read = readChangeTable(table)
      const outside = since.flatMap(({ deps }) => deps.filter((hash) => !inside.has(hash)))
      expect(read.rows).toBe(since.length)
      expect(read.outside.toSorted()).toEqual([...new Set(outside)].toSorted())
    }),
    { numRuns: 60 },
  )
})
