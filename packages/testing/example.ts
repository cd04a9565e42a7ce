import { simulate, type NodeEnvironment, type SimulatedNode } from '@vudo/testing'

/** A core that answers each message with the next number, dialled again after every cut. */
function counter(env: NodeEnvironment, peer?: string): SimulatedNode & { seen: number } {
  const answer = (connection: number): void =>
    env.send(connection, Uint8Array.of(++node.seen % 256))
  const node = {
    seen: 0,
    connected: (connection: number, _peer: string, isOutbound: boolean): void => {
      if (isOutbound) answer(connection)
    },
    received: answer,
    closed: (): void => (peer ? env.setTimer('again', 100) : undefined),
    timer: (): unknown => peer && env.connect(peer),
  }
  if (peer) env.setTimer('again', 0)
  return node
}

const summary = simulate({
  seeds: 20,
  run: (simulation) => {
    let first: ReturnType<typeof counter> | undefined
    simulation.addNode('first', (env) => (first = counter(env)))
    simulation.addNode('second', (env) => counter(env, 'first'))
    simulation.run({ forMs: 5_000 })
    simulation.calm()
    simulation.run({ until: () => (first?.seen ?? 0) > 100, what: 'counting to 100' })
  },
})
console.log(`${summary.runs} runs, ${summary.faults} faults, and it always counts on`)
