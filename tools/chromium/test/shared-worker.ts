let count = 0
globalThis.addEventListener('connect', (event) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is what `connect` brings
  const [port] = (event as MessageEvent).ports
  port?.addEventListener('message', () => {
    count += 1
    port.postMessage(count)
  })
  port?.start()
})
