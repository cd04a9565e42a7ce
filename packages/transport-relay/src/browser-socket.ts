import { CLOSE_TIMEOUT_MS, DRAIN_POLL_MS, MAX_SOCKET_BYTES } from './limits.ts'
import type { RelaySocket, SocketEvents } from './socket.ts'

/** Of a connection that ended without a word: RFC 6455 section 7.1.5. */
const abnormalCode = 1_006

/** Opens the platform's own WebSocket. It knows no proxy and no certificate authority of its own: the browser does. */
export function connectBrowserSocket(
  url: URL,
  events: SocketEvents,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    // Takes the listeners off: what a socket says that we have given up is for nobody.
    const over = new AbortController()
    const until = { signal: over.signal }
    const onAbort = (): void => {
      over.abort()
      socket.close()
      reject(signal.reason)
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true, ...until })
    const onClose = (code: number): void => {
      over.abort()
      if (isOpen) resolve(code)
      else reject(new Error(`the WebSocket closed with ${code}`))
    }
    let isOpen = false
    let closing: ReturnType<typeof setTimeout> | undefined
    over.signal.addEventListener('abort', () => clearTimeout(closing), { once: true })
    const close = (): void => {
      socket.close()
      // The browser waits long for an answer, and offers nothing harder than a close.
      closing ??= setTimeout(() => onClose(abnormalCode), CLOSE_TIMEOUT_MS)
    }
    const onOpen = (): void => {
      isOpen = true
      events.onOpen(wrap(socket, events, { close, until: over.signal }))
    }
    const onMessage = ({ data }: MessageEvent<unknown>): void => {
      if (data instanceof ArrayBuffer) events.onMessage(new Uint8Array(data))
      else close()
    }
    socket.addEventListener('open', onOpen, until)
    socket.addEventListener('message', onMessage, until)
    socket.addEventListener('close', ({ code }) => onClose(code), until)
  })
}

function wrap(
  socket: WebSocket,
  events: SocketEvents,
  { close, until }: { readonly close: () => void; readonly until: AbortSignal },
): RelaySocket {
  let polling: ReturnType<typeof setInterval> | undefined
  const stop = (): void => {
    clearInterval(polling)
    polling = undefined
  }
  until.addEventListener('abort', stop, { once: true })
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
    close,
  }
}
