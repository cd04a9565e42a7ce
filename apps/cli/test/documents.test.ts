import { expect, it } from 'vitest'
import { changeLine } from '../src/commands/documents.ts'

it.each([
  [{ type: 'changed', origin: 'local', created: true }, 'here, new'],
  [{ type: 'changed', origin: 'local', created: false }, 'here'],
  [
    { type: 'deleted', origin: 'ab'.repeat(32), created: false },
    `from ${'ab'.repeat(4)}…, deleted`,
  ],
])('tells %j', (change, told) => {
  const line = changeLine({ path: 'notes/one', ...change })
  expect(line.replace(/^\S+ /, '')).toBe(`notes/one ${told}`)
})
