/** What the tests of this tool run in a page. */
export { which } from '#which'
export { automergeText } from './automerge.ts'

/** What a worker answers to `text`. */
export function askWorker(text: string): Promise<string> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  return new Promise((resolve, reject) => {
    worker.addEventListener('error', ({ message }) => reject(new Error(message)))
    worker.addEventListener('message', ({ data }) => {
      worker.terminate()
      resolve(String(data))
    })
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
    worker.postMessage(text)
  })
}

/** How often the pages of this origin have asked their common worker, this time included. */
export function countInSharedWorker(): Promise<number> {
  const { port } = new SharedWorker(new URL('./shared-worker.ts', import.meta.url), {
    type: 'module',
  })
  return new Promise((resolve) => {
    port.addEventListener('message', ({ data }) => resolve(Number(data)))
    port.start()
    port.postMessage('count')
  })
}

export function remember(name: string, value: string): void {
  localStorage.setItem(name, value)
}

export function remembered(name: string): string | null {
  return localStorage.getItem(name)
}

/** Whether a page can reach an address of the network. */
export async function reaches(url: string): Promise<boolean> {
  return fetch(url, { mode: 'no-cors' }).then(
    () => true,
    () => false,
  )
}

export function fail(): never {
  throw new RangeError('told to fail')
}

export function failLater(): void {
  setTimeout(fail)
}
