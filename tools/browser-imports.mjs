/**
 * Checks that what a browser loads of a package needs nothing of Node. From each entry of the
 * package it follows every import as a bundler for browsers does (the condition `browser`, the
 * field `browser`, dependencies included) and reports
 *
 * - imports of Node's modules, with the path of files that leads there;
 * - `Buffer`, `process` and other globals that only Node has, and timers' `unref()`, which numbers
 *   do not have, in files of ours, wherever they stand; in files of others unless the file asks
 *   first (`typeof process`), as libraries for both platforms do.
 *
 * A package that runs in browsers has a line in {@link inBrowsers}; the test holds it to that.
 * `node tools/browser-imports.mjs storage` asks about any package.
 */
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import { ResolverFactory } from 'oxc-resolver'
import { specifiersOf } from './specifiers.mjs'
import { workspaceRoot } from './workspace.mjs'

/** The packages that claim to run in browsers, by their folders. */
export const inBrowsers = [
  // One a line, in the order of the floors.
  'transport',
  'topic',
  'wire',
  'identity',
  'events',
  'secure-channel',
  'storage',
  'network',
  'swarm',
  'sync',
  'transport-relay',
]

/** What Node has and browsers do not. */
const nodeGlobals = new Set([
  'Buffer',
  'process',
  'global',
  'setImmediate',
  'clearImmediate',
  '__dirname',
  '__filename',
])

const lacking = 'which browsers do not have'
const conditions = ['browser', 'module', 'production', 'default']
const common = {
  aliasFields: [['browser']],
  mainFields: ['browser', 'module', 'main'],
  extensions: ['.js', '.json'],
}
const resolvers = {
  import: new ResolverFactory({ ...common, conditionNames: ['import', ...conditions] }),
  require: new ResolverFactory({ ...common, conditionNames: ['require', ...conditions] }),
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2)
  const mistakes = (asked.length > 0 ? asked : inBrowsers).flatMap((name) =>
    browserMistakes(path.join(workspaceRoot, 'packages', name)),
  )
  for (const mistake of mistakes) console.error(mistake)
  process.exitCode = mistakes.length === 0 ? 0 : 1
}

/**
 * What keeps the package in the folder `dir` from running in a browser, one sentence each; empty when nothing does.
 *
 * @param entries - Its files to begin with; all that its `exports` have for browsers when left out.
 */
export function browserMistakes(dir, entries = browserEntries(dir)) {
  const root = path.resolve(dir, '../..')
  const show = (file) => path.relative(root, file).replaceAll('\\', '/')
  const mistakes = []
  for (const { file, via, problem } of walk(entries)) {
    if (problem !== undefined) mistakes.push(`${via.map(show).join(' > ')}: ${problem}`)
    else mistakes.push(...namesOfNode(file).map((what) => `${show(file)}: ${what}`))
  }
  if (entries.length === 0) mistakes.push(`${show(dir)} has no entry for browsers`)
  return [...new Set(mistakes)]
}

/** The files that the manifest's `exports` have under the condition `browser`. What is under `node` alone does not exist in browsers; `null` under `browser` would say so too, and some bundlers pass it over. */
function browserEntries(dir) {
  const { exports = {} } = JSON.parse(readFileSync(path.join(dir, 'package.json'), 'utf8'))
  const targets = Object.entries(exports).flatMap(([name, value]) =>
    name.includes('*') ? [] : [targetOf(value)],
  )
  return targets
    .filter((target) => target && /\.[cm]?[jt]s$/.test(target))
    .map((target) => path.join(dir, target))
}

function targetOf(value) {
  if (value === null || typeof value === 'string') return value
  for (const [condition, inner] of Object.entries(value)) {
    if (condition !== 'import' && !conditions.includes(condition)) continue
    const target = targetOf(inner)
    if (target !== undefined) return target
  }
  return undefined
}

/** The files that are loaded, and the imports that lead nowhere in a browser, each with the way there. */
function walk(entries) {
  const found = []
  const seen = new Set(entries)
  const queue = entries.map((file) => ({ file, via: [file] }))
  for (const { file, via } of queue) {
    found.push({ file, via })
    for (const item of specifiersOf(file)) {
      // What it computes nobody can follow, here or in a bundler; what is a type is gone before it runs.
      if (item.isType || item.specifier === undefined) continue
      const target = resolve(file, item)
      if (target.problem !== undefined) found.push({ file, via, problem: target.problem })
      else if (target.path !== undefined && !seen.has(target.path)) {
        seen.add(target.path)
        queue.push({ file: target.path, via: [...via, target.path] })
      }
    }
  }
  return found
}

/** Where an import leads: a `path`, a `problem`, or neither where there is nothing to look into. */
function resolve(file, { specifier, kind, isRequire }) {
  if (/^(data|blob|https?):/.test(specifier)) return {}
  if (specifier.startsWith('node:')) return { problem: `imports ${specifier}, ${lacking}` }
  if (kind === 'url' && !/\.[cm]?[jt]s$/.test(specifier)) return {}
  const resolver = isRequire ? resolvers.require : resolvers.import
  const asked = kind === 'url' && !specifier.startsWith('.') ? `./${specifier}` : specifier
  const { path: target, error } = resolver.sync(path.dirname(file), asked)
  if (target !== undefined) return /\.[cm]?[jt]s$/.test(target) ? { path: target } : {}
  // The field `browser` says `false`: a bundler puts an empty module there.
  if (/ignored/i.test(error ?? '')) return {}
  if (builtinModules.includes(specifier)) return { problem: `imports ${specifier}, ${lacking}` }
  // Built only when it is published, as a worker's own file.
  const source = asked.replace(/\.js$/, '.ts')
  if (kind === 'url' && source !== asked) return resolve(file, { specifier: source, kind })
  return { problem: `imports ${specifier}, which does not lead to a file: ${error}` }
}

/** How the file uses what only Node has, one text each. */
function namesOfNode(file) {
  const { program } = parseSync(file, readFileSync(file, 'utf8'))
  const isOurs = !file.split(path.sep).includes('node_modules')
  const used = new Set()
  const excused = new Set()
  const bound = new Set()
  const see = (node, parent) => {
    if (node.type === 'ObjectPattern') for (const { value } of node.properties) bound.add(value)
    if (node.type === 'Identifier' && nodeGlobals.has(node.name)) {
      const isAsked = parent.type === 'UnaryExpression' && parent.operator === 'typeof'
      if (isAsked || bound.has(node) || declares(parent, node)) excused.add(node.name)
      else if (isReference(parent, node)) used.add(node.name)
    }
    if (isOurs && isUnref(node)) used.add('unref()')
  }
  visit(program, program, see)
  if (!isOurs) for (const name of excused) used.delete(name)
  return [...used].map((name) => `uses ${name}, ${lacking}`)
}

/** `timer.unref()`; `timer.unref?.()` asks first. */
function isUnref({ type, callee, optional }) {
  const name = callee?.property?.name
  return type === 'CallExpression' && !optional && (name === 'unref' || name === 'ref')
}

/** Tells whether `parent` gives the name to something else, so that it is not the global. */
function declares(parent, node) {
  switch (parent.type) {
    case 'VariableDeclarator':
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ClassDeclaration':
      return parent.id === node || parent.params?.includes(node) === true
    case 'ArrowFunctionExpression':
      return parent.params.includes(node)
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return parent.local === node
    case 'AssignmentPattern':
      return parent.left === node
    default:
      return false
  }
}

function isReference(parent, node) {
  switch (parent.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed
    case 'Property':
      return parent.value === node || parent.computed
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return parent.value === node || parent.computed
    case 'MethodDefinition':
      return parent.computed
    case 'ExportSpecifier':
      return parent.local === node
    case 'ImportSpecifier':
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return false
    default:
      return true
  }
}

/** Every node that runs, with the node that holds it: types are erased. */
function visit(node, parent, see) {
  if (Array.isArray(node)) {
    for (const child of node) visit(child, parent, see)
  } else if (node && typeof node === 'object') {
    const isNode = typeof node.type === 'string'
    if (isNode && isErased(node)) return
    if (isNode) see(node, parent)
    for (const child of Object.values(node)) visit(child, isNode ? node : parent, see)
  }
}

/** TypeScript that leaves no code behind; the other nodes of its own hold expressions (`x as T`, `x!`, `x satisfies T`). */
function isErased({ type, declare }) {
  const holdsCode = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']
  holdsCode.push('TSInstantiationExpression', 'TSTypeAssertion', 'TSParameterProperty')
  return declare === true || (type.startsWith('TS') && !holdsCode.includes(type))
}
