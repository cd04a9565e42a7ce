/** The one kernel that all hashers use; nothing in a kernel waits, so they never meet. */
import { createJavaScriptKernel } from './javascript-kernel.ts'
import type { Kernel } from './kernel.ts'
import { createWasmKernel } from './wasm-kernel.ts'

let shared: Kernel | undefined

/** The fastest kernel that this platform has; always the same one. */
export function sharedKernel(): Kernel {
  shared ??= createWasmKernel() ?? createJavaScriptKernel()
  return shared
}
