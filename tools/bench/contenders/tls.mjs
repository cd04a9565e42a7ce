/**
 * node:tls alone, in its best configuration for each kind of message: TLS 1.3 with Ed25519
 * certificates on both sides, no framing. What is not a lone ping is only counted.
 */
import { createPrivateKey } from 'node:crypto'
import { connect as connectTls, createServer } from 'node:tls'
import { randomBytes } from 'node:crypto'
import { selfSignedCertificate } from '../support/certificate.mjs'
import { PING_BYTES } from '../support/contest.mjs'

const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

function credentials() {
  const key = createPrivateKey({
    key: Buffer.concat([prefix, randomBytes(32)]),
    format: 'der',
    type: 'pkcs8',
  })
  return {
    key: key.export({ format: 'pem', type: 'pkcs8' }),
    cert: selfSignedCertificate(key),
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
  }
}

export function serve() {
  return new Promise((resolve) => {
    // The client's ping follows a whole number of messages, so the remainder of the count tells it.
    const server = createServer({ ...credentials(), noDelay: true }, (socket) => {
      let received = 0
      socket.on('data', (chunk) => {
        received += chunk.byteLength
        if (received % 16_384 !== PING_BYTES) return
        received = 0
        socket.write(new Uint8Array(PING_BYTES))
      })
      socket.on('error', () => {})
    })
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export function connect(port) {
  return new Promise((resolve, reject) => {
    const options = { ...credentials(), port, host: '127.0.0.1' }
    const socket = connectTls(options, () => {
      socket.setNoDelay(true)
      resolve({
        send: (bytes) =>
          socket.write(bytes) ? undefined : new Promise((done) => void socket.once('drain', done)),
        receive: () => new Promise((done) => void socket.once('data', done)),
      })
    })
    socket.once('error', reject)
  })
}
