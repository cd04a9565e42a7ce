/** HTTP proxies that are the only way out of many company networks: CONNECT (RFC 9110 section 9.3.6). */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { TransportError } from '@vudo/transport'

/**
 * The proxy that the environment names for `url`, as everybody else does it: `HTTPS_PROXY`
 * for wss, `HTTP_PROXY` for ws, not for hosts of `NO_PROXY`. Without a scheme it is `http:`.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID` for a proxy of another kind: to go past it is not ours to decide.
 */
export function proxyFor(
  url: URL,
  environment: Readonly<Record<string, string | undefined>>,
): URL | undefined {
  const read = (name: string): string => environment[name] ?? environment[name.toLowerCase()] ?? ''
  const name = url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const text = read(name).trim()
  if (text === '') return undefined
  const exceptions = read('NO_PROXY')
    .split(/[\s,]+/)
    .filter(Boolean)
  if (exceptions.some((exception) => matches(url, exception))) return undefined
  const proxy = text.includes('://') ? text : `http://${text}`
  if (/^https?:/i.test(proxy) && URL.canParse(proxy)) return new URL(proxy)
  // Without its value: there may be a password in it.
  throw new TransportError('ERR_CONFIG_INVALID', `${name} is no proxy over HTTP`, {
    hint: 'expected http://host:port, https://host:port or host:port; or list the relay in NO_PROXY',
  })
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
