/** As in `end-of-turn.ts`; the timers of browsers would wait 4 milliseconds when one follows the other. */
export function atEndOfTurn(task: () => void): () => void {
  const { port1, port2 } = new MessageChannel()
  const close = (): void => {
    port1.onmessage = null
    port1.close()
  }
  port1.onmessage = () => {
    close()
    task()
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
  port2.postMessage(undefined)
  return close
}
