import { createAuthorKey, type AuthorKey } from '@vudo/identity'

/** The author of that name: the same in every run. */
export function keyOf(name: string): AuthorKey {
  return createAuthorKey(seedOf(name))
}

function seedOf(name: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => name.charCodeAt(at % name.length) + at)
}
