/** As in `end-of-turn.ts`; the timers of browsers would wait 4 milliseconds when one follows the other. */
export function atEndOfTurn(task: () => void): () => void {
  const { port1, port2 } = new MessageChannel()
  const run = (): void => {
    port1.close()
    task()
  }
  port1.addEventListener('message', run)
  port1.start()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
  port2.postMessage(undefined)
  return () => {
    port1.removeEventListener('message', run)
    port1.close()
  }
}
