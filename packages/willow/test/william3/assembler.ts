/**
 * The few WebAssembly instructions that WILLIAM3 needs, as bytes (WebAssembly Core
 * Specification 2.0, section 5). Instructions are arrays of bytes and are put together by
 * concatenation; nothing is checked here, `WebAssembly.validate` does that.
 */

/** Bytes of instructions, or of any other part of a module. */
export type Code = readonly number[]

export const i32 = 0x7f
export const v128 = 0x7b
/** The type of a block that leaves nothing. */
const noResult = 0x40

/** A function: exported under its name, without a result. */
export interface WasmFunction {
  readonly name: string
  /** All parameters are `i32`. */
  readonly parameters: number
  /** Types of the local variables that follow the parameters. */
  readonly locals: Code
  readonly body: Code
}

/** What a module of this project consists of. */
export interface WasmModule {
  /** Pages of 64 KiB; the memory cannot grow. Exported as `memory`. */
  readonly pages: number
  /** Written to address 0 when the module is instantiated. */
  readonly data: Code
  readonly functions: readonly WasmFunction[]
}

/** The magic number and version 1. */
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** The binary of a module. */
export function assembleModule({ pages, data, functions }: WasmModule): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...list(repeat(parameters, [i32])), 0])
  const exported = functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)])
  return Uint8Array.from([
    ...header,
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[1, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([[...text('memory'), 2, 0], ...exported])),
    ...section(10, list(functions.map(functionBody))),
    ...section(11, list([[0, ...constant(0), 0x0b, ...unsigned(data.length), ...data]])),
  ])
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number): Code => [0x21, ...unsigned(local)]
export const tee = (local: number): Code => [0x22, ...unsigned(local)]
export const constant = (value: number): Code => [0x41, ...signed(value | 0)]

export const add: Code = [0x6a]
export const subtract: Code = [0x6b]
export const or: Code = [0x72]
export const xor: Code = [0x73]
export const rotateRight: Code = [0x78]
export const equal: Code = [0x46]
export const lessOrEqual: Code = [0x4d]
/** Takes the first of two values when the condition, which comes last, is not zero. */
export const select: Code = [0x1b]
/** From an address on the stack; `offset` is added to it. */
export const load = (offset: number): Code => [0x28, 2, ...unsigned(offset)]
export const store = (offset: number): Code => [0x36, 2, ...unsigned(offset)]

export const vectorLoad = (offset: number): Code => [0xfd, 0x00, 0, ...unsigned(offset)]
export const vectorStore = (offset: number): Code => [0xfd, 0x0b, 0, ...unsigned(offset)]
export const vectorOr: Code = [0xfd, 0x50]
export const vectorXor: Code = [0xfd, 0x51]
export const vectorAdd: Code = [0xfd, 0xae, 0x01]
export const vectorSplat: Code = [0xfd, 0x11]
export const vectorShiftLeft: Code = [0xfd, 0xab, 0x01]
export const vectorShiftRight: Code = [0xfd, 0xad, 0x01]
/** Takes sixteen of the thirty-two bytes of two vectors. */
export const vectorPick = (bytes: readonly number[]): Code => [0xfd, 0x0d, ...bytes]

/** Runs `body` again and again while the condition that it leaves is not zero. */
export const loopWhile = (body: Code): Code => [0x03, noResult, ...body, 0x0d, 0, 0x0b]

/** All parts one after the other. */
export function sequence(...parts: readonly Code[]): Code {
  return parts.flat()
}

function functionBody({ locals, body }: WasmFunction): Code {
  const code = [...list(locals.map((type) => [1, type])), ...body, 0x0b]
  return [...unsigned(code.length), ...code]
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content]
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function repeat(count: number, code: Code): readonly Code[] {
  return Array.from({ length: count }, () => code)
}

function text(value: string): Code {
  return list([...new TextEncoder().encode(value)].map((byte) => [byte]))
}

/** LEB128 (section 5.2.2). */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]
}
