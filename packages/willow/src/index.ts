/**
 * One sentence: what this package gives its user.
 *
 * @packageDocumentation
 */

/** Stands here until the first real export does. */
export const packageName = '@vudo/willow'
export {
  createWilliam3,
  william3,
  type William3Hasher,
  type William3Options,
} from './william3/william3.ts'
