/** HTTP proxies that are the only way out of many company networks: CONNECT (RFC 9110 section 9.3.6). */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'

/**
 * The proxy that the environment names for `url`, as everybody else does it: `HTTPS_PROXY`
 * for wss, `HTTP_PROXY` for ws, not for hosts of `NO_PROXY`.
 */
export function proxyFor(
  url: URL,
  environment: Readonly<Record<string, string | undefined>>,
): URL | undefined {
  const read = (name: string): string => environment[name] ?? environment[name.toLowerCase()] ?? ''
  const text = read(url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (!/^https?:/.test(text) || !URL.canParse(text)) return undefined
  const exceptions = read('NO_PROXY')
    .split(/[\s,]+/)
    .filter(Boolean)
  return exceptions.some((exception) => matches(url, exception)) ? undefined : new URL(text)
}

/** `*`, a host, a domain with all below it, each perhaps with a port. */
function matches(url: URL, exception: string): boolean {
  if (exception === '*') return true
  const [, name = '', port] = /^\.?(.*?)(?::(\d+))?$/.exec(exception.toLowerCase()) ?? []
  const ownPort = url.port || (url.protocol === 'wss:' ? '443' : '80')
  if (port !== undefined && port !== ownPort) return false
  return url.hostname === name || url.hostname.endsWith(`.${name}`)
}

/**
 * Asks the proxy for a way to `url`.
 *
 * @throws `Error` when it refuses or cannot be reached, and the signal's reason.
 */
export function openTunnel(proxy: URL, url: URL, signal: AbortSignal): Promise<Socket> {
  const request = proxy.protocol === 'https:' ? requestHttps : requestHttp
  const target = `${url.hostname}:${url.port || (url.protocol === 'wss:' ? '443' : '80')}`
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`
  return new Promise((resolve, reject) => {
    const asked = request({
      host: proxy.hostname,
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(login === ':' ? {} : { 'proxy-authorization': authorization }) },
      signal,
    })
    asked.on('error', (error) => reject(signal.aborted ? signal.reason : error))
    asked.on('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode}`))
    })
    asked.on('response', ({ statusCode }) => {
      asked.destroy()
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode}`))
    })
    asked.end()
  })
}
