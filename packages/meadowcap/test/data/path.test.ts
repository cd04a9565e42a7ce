import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import {
  commonPrefixLength,
  comparePaths,
  createPath,
  emptyPath,
  extendPath,
  isMeadowcapError,
  isPathPrefix,
  MAX_COMPONENT_BYTES,
  MAX_COMPONENTS,
  parsePath,
  pathFromSortKey,
  pathPrefix,
  pathPrefixes,
  pathsEqual,
  pathSuffix,
  prefixSuccessor,
} from '@vudo/meadowcap'
import { example, fromHex, jsonOf, pathOf, toHex, type JsonPath } from '../examples.ts'

it('orders the paths of the examples strictly', () => {
  const { paths } = example('pathOrder') as { paths: readonly JsonPath[] }
  for (const [i, a] of paths.entries()) {
    for (const [k, b] of paths.entries()) {
      expect(Math.sign(comparePaths(pathOf(a), pathOf(b)))).toBe(Math.sign(i - k))
    }
  }
})

it('finds the prefix successors of the examples', () => {
  const cases = example('prefixSuccessor') as { path: JsonPath; successor: JsonPath | null }[]
  for (const { path, successor } of cases) {
    const found = prefixSuccessor(pathOf(path))
    expect(found === undefined ? null : jsonOf(found)).toEqual(successor)
  }
})

function filled(count: number, byte: number, ...rest: number[]): Uint8Array {
  return Uint8Array.from([...Array.from<number>({ length: count }).fill(byte), ...rest])
}

function successorOf(...components: Uint8Array[]): readonly string[] | undefined {
  const found = prefixSuccessor(createPath(components))
  return found === undefined ? undefined : jsonOf(found)
}

it('finds prefix successors at the limits', () => {
  expect(successorOf(filled(4095, 0x61, 0x62))).toEqual([toHex(filled(4095, 0x61, 0x63))])
  expect(successorOf(filled(4095, 0x61, 0xff))).toEqual([toHex(filled(4094, 0x61, 0x62))])
  expect(successorOf(filled(4096, 0xff))).toBeUndefined()
  expect(successorOf(filled(1, 0x61), filled(4095, 0xff))).toEqual(['6100'])
})

it('keeps the limits of Willow’25 before looking at the bytes', () => {
  const whole = createPath([new Uint8Array(MAX_COMPONENT_BYTES)])
  expect(whole.totalBytes).toBe(MAX_COMPONENT_BYTES)
  expect(whole.sortKey.length).toBe(2 * MAX_COMPONENT_BYTES + 2)
  expect(createPath(Array.from({ length: MAX_COMPONENTS }, () => '')).length).toBe(MAX_COMPONENTS)
  const tooLong = [
    () => createPath([new Uint8Array(MAX_COMPONENT_BYTES + 1)]),
    () => createPath(['a', new Uint8Array(MAX_COMPONENT_BYTES)]),
    () => createPath(Array.from({ length: MAX_COMPONENTS + 1 }, () => '')),
    () => extendPath(whole, ['a']),
    () => extendPath(createPath(Array.from({ length: MAX_COMPONENTS }, () => '')), ['']),
  ]
  for (const make of tooLong)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_PATH_LIMIT' }))
})

it('copies what it is given', () => {
  const component = Uint8Array.of(1, 2)
  const path = createPath([component])
  const copy = pathFromSortKey(path.sortKey)
  component[0] = 9
  expect(jsonOf(path)).toEqual(['0102'])
  expect(copy.sortKey).not.toBe(path.sortKey)
  expect(pathsEqual(copy, path)).toBe(true)
})

it('refuses components that are neither bytes nor well-formed text', () => {
  expect(() => createPath(['\ud800'])).toThrow(TypeError)
  expect(() => createPath([7 as unknown as string])).toThrow(TypeError)
  expect(() => parsePath('/\ud800')).toThrow(TypeError)
})

it('refuses bytes that are no sort key', () => {
  const keys = ['61', '00', '0002', '61000100', '6100', 'ff']
  for (const hex of keys) {
    let caught: unknown
    try {
      pathFromSortKey(fromHex(hex))
    } catch (error) {
      caught = error
    }
    expect(isMeadowcapError(caught) && caught.code).toBe('ERR_WILLOW_ENCODING')
  }
  const long = new Uint8Array(4099).fill(1)
  long.set([0, 1], 4097)
  expect(() => pathFromSortKey(long)).toThrow('too long')
  const many = Uint8Array.from({ length: 2 * 4097 }, (_, index) => index % 2)
  expect(() => pathFromSortKey(many)).toThrow('4097 components')
})

it('takes paths apart and puts them together', () => {
  const path = createPath(['blog', '', 'a\0b', 'x'])
  expect([...pathPrefixes(path)].map((prefix) => prefix.toString())).toEqual([
    '',
    '/blog',
    '/blog/',
    '/blog//a%00b',
    '/blog//a%00b/x',
  ])
  for (let count = 0; count <= path.length; count++) {
    const start = pathPrefix(path, count)
    const rest = pathSuffix(path, count)
    expect(start.length + rest.length).toBe(path.length)
    expect(start.totalBytes + rest.totalBytes).toBe(path.totalBytes)
    expect(pathsEqual(extendPath(start, rest), path)).toBe(true)
    expect(isPathPrefix(start, path)).toBe(true)
    expect(commonPrefixLength(start, path)).toBe(count)
  }
  expect(() => pathPrefix(path, 5)).toThrow(RangeError)
  expect(() => pathSuffix(path, -1)).toThrow(RangeError)
})

it('reads and prints text', () => {
  expect(parsePath('')).toBe(emptyPath)
  expect(parsePath('blog/idea').toString()).toBe('/blog/idea')
  expect(parsePath('/').components).toEqual([new Uint8Array(0)])
  expect(jsonOf(parsePath('/%00ä%2F'))).toEqual(['00c3a42f'])
  expect(inspect(createPath(['ä/']))).toBe('Path(/%c3%a4%2f)')
  expect(JSON.stringify({ at: parsePath('a') })).toBe('{"at":"/a"}')
  for (const text of ['%', '%f', 'a%0g']) {
    expect(() => parsePath(text)).toThrow(expect.objectContaining({ code: 'ERR_WILLOW_ENCODING' }))
  }
})
