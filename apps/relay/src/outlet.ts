/** The way out to one socket: bounded, whoever made what waits there. */
import type { WebSocket } from 'ws'
import { CLOSE_TIMEOUT_MS, MAX_WAITING_NOTICES } from './limits.ts'

/** See {@link createOutlet}. */
export interface Outlet {
  /** Writes a frame, taken over. `onWritten` is called when it has left the process, or never will. */
  write(frame: Uint8Array, onWritten?: () => void): void
  /** Begins the close handshake, and ends the socket when it is not answered in time. */
  close(code: number, reason: string): void
  /** The socket has closed. */
  ended(): void
}

const binary = { binary: true, compress: false, fin: true }

/**
 * Makes an outlet that ends the socket when more than `maxBytes` wait. Traffic between clients
 * is dropped below that; what is left are answers and news, and who leaves so many of them
 * unread is gone, or wants the relay's memory.
 */
export function createOutlet(
  socket: Pick<WebSocket, 'send' | 'close' | 'terminate' | 'bufferedAmount'>,
  maxBytes: number,
): Outlet {
  let notices = 0
  let closing: NodeJS.Timeout | undefined
  const onNotice = (): void => {
    notices -= 1
  }
  return {
    write(frame, onWritten) {
      if (socket.bufferedAmount > maxBytes || notices >= MAX_WAITING_NOTICES) {
        socket.terminate()
        onWritten?.()
        return
      }
      if (!onWritten) notices += 1
      socket.send(frame, binary, onWritten ?? onNotice)
    },
    close(code, reason) {
      socket.close(code, reason)
      closing ??= setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS)
    },
    ended: () => clearTimeout(closing),
  }
}
