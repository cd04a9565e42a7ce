/**
 * One sentence: what this package gives its user.
 *
 * @packageDocumentation
 */

/** Stands here until the first real export does. */
export const packageName = '@vudo/keepsync'
