/** What the scenarios share in which messages flow while something happens to the network. */
import { finish, flow, mark, meet, pathOf, wayOf, withScene } from './scene.mjs'

/** Milliseconds of quiet flow before and after what happens. */
const beforeMs = 2_000
const afterMs = 3_000

/**
 * Runs trials one after the other and prints them; each is `{name, kinds, disturb?, …}`, where
 * `disturb(scene)` does something to the network and returns when it is over.
 *
 * @returns The results, one for each trial.
 */
export async function runTrials(scenario, trials, options = {}) {
  const results = []
  for (const trial of trials) {
    // One after the other: there is one lab.
    // oxlint-disable-next-line no-await-in-loop
    const result = await runTrial(scenario, { ...trial, ...options })
    results.push(result)
    console.log(`${trial.name}: ${shown(result)}`)
  }
  return results
}

/** The last line, and the status to exit with: not 0 when a message was lost, doubled or reordered. */
export function conclude(scenario, results, ours = {}) {
  const sum = (of) => results.reduce((total, result) => total + (of(result) ?? 0), 0)
  const figures = {
    trials: results.length,
    whole: results.filter(isWhole).length,
    messages: sum(({ messages }) => messages),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    reordered: sum(({ reordered }) => reordered),
    longestSilenceMs: Math.max(0, ...results.map(({ silenceMs }) => silenceMs ?? 0)),
    ...ours,
  }
  console.log(JSON.stringify({ netlab: scenario, ours: figures, results }))
  return results.every(isWhole) ? 0 : 1
}

/** One session, and every message once and in order. */
export function isWhole({ lost, doubled, reordered, sessions }) {
  return lost === 0 && doubled === 0 && reordered === 0 && sessions === 1
}

async function runTrial(scenario, trial) {
  const { name } = trial
  const file = `${scenario}-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`
  try {
    trial.build?.()
    return await withScene({ ...trial, name: file }, async (scene) => {
      const ms = await meet(scene)
      if (ms === undefined) return { name, error: 'did not meet' }
      await flow(scene, beforeMs)
      await mark(scene)
      const more = (await trial.disturb?.(scene)) ?? {}
      await flow(scene, afterMs)
      const way = [...new Set(scene.peers.map((peer) => wayOf(pathOf(peer))))].join(' and ')
      return { name, ms, way, ...more, ...(await finish(scene)) }
    })
  } catch (error) {
    return { name, error: error.message }
  }
}

export function shown({ error, broken, ms, way, silenceMs, messages, sessions, ...rest }) {
  if (error !== undefined) return error
  if (broken !== undefined) return `broken: ${broken}`
  const { lost, doubled, reordered, note = '' } = rest
  const faults = `${lost} lost, ${doubled} twice, ${reordered} out of order`
  const more = sessions === 1 ? '' : `, ${sessions} sessions`
  return `met ${seconds(ms)}, now ${way}; ${messages} messages, ${faults}${more}; longest silence ${seconds(silenceMs)}${note}`
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`
}
