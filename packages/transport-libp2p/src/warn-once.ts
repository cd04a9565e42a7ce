import process from 'node:process'

const warned = new Set<string>()

/** Says it once in the life of the process, as `VudoWarning`: on stderr, or wherever the process listens. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, 'VudoWarning')
}
