import { expect, it } from 'vitest'
import { nextSteps } from '../src/commands/demo.ts'

it.each([[[]], [['/a', '/b']]])('speaks of npm in the repository only, with nodes %j', (kept) => {
  const installed = nextSteps(kept, 'notes/one', false)
  expect(installed).toHaveLength(3)
  for (const line of installed) expect(line).toMatch(/^vudo (?!--)/)
  for (const line of nextSteps(kept, 'notes/one')) expect(line).toMatch(/^npm (?:run|start) /)
})
