import { simulate, type NodeEnvironment, type SimulatedNode } from '@vudo/testing'

let highest = 0

/** Two of these count together, message by message, however often they are cut off. */
function counter(env: NodeEnvironment, peer?: string): SimulatedNode {
  if (peer) env.connect(peer)
  return {
    connected: (connection) => env.send(connection, Uint8Array.of(highest)),
    received: (connection, [seen = 0]) => {
      highest = Math.max(highest, seen)
      env.send(connection, Uint8Array.of(Math.min(seen + 1, 255)))
    },
    closed: () => peer && env.setTimer('again', 100),
    timer: () => peer && env.connect(peer),
  }
}

const { runs, faults } = simulate({
  seeds: 20,
  run: (simulation) => {
    highest = 0
    simulation.addNode('first', (env) => counter(env))
    simulation.addNode('second', (env) => counter(env, 'first'))
    simulation.run({ forMs: 1_000 })
    simulation.calm()
    simulation.run({ until: () => highest === 255, what: 'counting to 255' })
  },
})
console.log(`${runs} runs, ${faults} faults, counted to 255 in each`)
