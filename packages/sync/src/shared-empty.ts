/**
 * A list in which nothing is, shared by all the documents that have nothing to put there, as there
 * are many of them. It stays empty: add with {@link appended}, and take nothing out of it.
 */
export const none: never[] = []

/** The list with one item more: the same one, unless it is the shared empty one. */
export function appended<Item>(list: Item[], item: Item): Item[] {
  if (list === none) return [item]
  list.push(item)
  return list
}
