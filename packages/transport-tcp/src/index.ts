/**
 * TCP with TLS 1.3 in which each side's certificate is its peer id: the default on Node.
 *
 * @packageDocumentation
 */
export {}
