/** How one case ended. Plain data: `JSON.stringify` makes the file for a badge out of a list of them. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  readonly reason?: string | undefined
  readonly durationMs: number
}

/** A table of results as text: one line per case, then the sums. */
export function resultsToTable(name: string, results: readonly CaseResult[]): string {
  const width = Math.max(0, ...results.map(({ id }) => id.length))
  const lines = results.map(({ id, outcome, reason, durationMs }) => {
    const time = `${String(Math.round(durationMs)).padStart(6)} ms`
    return `  ${id.padEnd(width)}  ${outcome.padEnd(7)} ${time}${reason ? `  ${firstLine(reason)}` : ''}`
  })
  const count = (outcome: CaseResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length
  const sums = `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`
  return [`transport ${name}: ${sums}`, ...lines].join('\n')
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
