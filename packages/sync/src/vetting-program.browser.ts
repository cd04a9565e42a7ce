/** Starts a Web Worker with the program of vetting. In one expression, as bundlers want it, and by the name that it has when compiled: bundlers find the source as well. */
export function startVettingWorker(): Worker {
  return new Worker(new URL('./vetting-worker.browser.js', import.meta.url), { type: 'module' })
}
