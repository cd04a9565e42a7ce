// Handlers first: a module that waits for wasm at its top level would lose what arrives meanwhile.
globalThis.addEventListener('message', async ({ data }: MessageEvent) => {
  const { automergeText } = await import('./automerge.ts')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
  globalThis.postMessage(`worker: ${automergeText(String(data))}`)
})
