import { DRAIN_POLL_MS, MAX_SOCKET_BYTES } from './limits.ts'
import type { RelaySocket, SocketEvents } from './socket.ts'

/** Opens the platform's own WebSocket. It knows no proxy and no certificate authority of its own: the browser does. */
export function connectBrowserSocket(
  url: URL,
  events: SocketEvents,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    const onAbort = (): void => {
      socket.close()
      reject(signal.reason)
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    let isOpen = false
    socket.addEventListener('open', () => {
      isOpen = true
      events.onOpen(wrap(socket, events))
    })
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) events.onMessage(new Uint8Array(data))
      else socket.close()
    })
    socket.addEventListener('close', ({ code }) => {
      signal.removeEventListener('abort', onAbort)
      if (isOpen) resolve(code)
      else reject(new Error(`the WebSocket closed with ${code}`))
    })
  })
}

function wrap(socket: WebSocket, events: SocketEvents): RelaySocket {
  let polling: ReturnType<typeof setInterval> | undefined
  const stop = (): void => {
    clearInterval(polling)
    polling = undefined
  }
  socket.addEventListener('close', stop)
  return {
    hasRoom() {
      if (socket.bufferedAmount < MAX_SOCKET_BYTES) return true
      // There is no event for it in browsers.
      polling ??= setInterval(() => {
        if (socket.bufferedAmount >= MAX_SOCKET_BYTES / 2) return
        stop()
        events.onRoom()
      }, DRAIN_POLL_MS)
      return false
    },
    send: (bytes) => socket.send(new Uint8Array(bytes)),
    close: () => socket.close(),
  }
}
