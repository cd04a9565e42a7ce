/**
 * Writes the pages that are made from the sources: docs/errors.md from the error codes
 * in every `errors.ts`, docs/limits.md from the constants in every `limits.ts`. A code
 * or a constant without a comment is a mistake: the page would have nothing to say.
 *
 *   node tools/generated-pages.mjs           writes them (`npm run fix` does it)
 *   node tools/generated-pages.mjs --check   fails when one is out of date (`npm test` does it)
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import { members, workspaceRoot } from './workspace.mjs'

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isCheck = process.argv.includes('--check')
  const { pages, mistakes } = generatedPages(workspaceRoot)
  if (isCheck) mistakes.push(...outdatedPages(workspaceRoot, pages))
  else for (const [file, text] of Object.entries(pages)) writePage(workspaceRoot, file, text)
  for (const mistake of mistakes) console.error(mistake)
  process.exitCode = mistakes.length === 0 ? 0 : 1
}

/** The pages by file name, as they ought to be, and what lacks a comment, one sentence each. */
export function generatedPages(root) {
  const layered = members(root).filter(({ kind }) => kind !== 'program')
  const codes = entriesOf(root, layered, 'errors.ts', errorCodes)
  const limits = entriesOf(root, layered, 'limits.ts', limitConstants)
  return {
    pages: { 'docs/errors.md': errorsPage(codes), 'docs/limits.md': limitsPage(limits) },
    mistakes: [...codes, ...limits]
      .filter(({ meaning }) => meaning === '')
      .map(({ where, name }) => `${where}: ${name} has no comment that says what it means`),
  }
}

/** The pages that are not what the sources make them, one sentence each. */
export function outdatedPages(root, pages) {
  return Object.entries(pages)
    .filter(([file, text]) => {
      const target = path.join(root, file)
      return !existsSync(target) || readFileSync(target, 'utf8') !== text
    })
    .map(([file]) => `${file} is out of date: npm run fix`)
}

function writePage(root, file, text) {
  writeFileSync(path.join(root, file), text)
}

/** What `read` finds in one file of each member, with the member's name. */
function entriesOf(root, layered, file, read) {
  return layered.flatMap(({ folder, dir, manifest }) => {
    const source = path.join(dir, 'src', file)
    if (!existsSync(source)) return []
    const where = path.relative(root, path.join(dir, 'src', file)).replaceAll('\\', '/')
    return read(source).map((entry) => ({ ...entry, where, from: manifest.name ?? folder }))
  })
}

function errorsPage(entries) {
  const usesByCode = Map.groupBy(entries, ({ name }) => name)
  const sections = [...usesByCode]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, uses]) => {
      const lines = uses.map(({ from, meaning }) => `- \`${from}\`: ${meaning}`)
      return `## ${code}\n\n${lines.join('\n')}\n`
    })
  return `# Errors

Every error that the packages throw on purpose has a \`code\`, which never changes its meaning, a
\`message\` with what happened and what was expected, and where something can be advised a \`hint\`.
Tell cases apart by the code. A \`TypeError\` or \`RangeError\` without a code is a mistake in the
calling program. This page is made from the sources by \`npm run fix\`.

${sections.join('\n')}`
}

function limitsPage(entries) {
  const sections = [...Map.groupBy(entries, ({ from }) => from)].map(([from, limits]) => {
    const rows = limits.map(
      ({ name, value, meaning }) => `| \`${name}\` | \`${cell(value)}\` | ${cell(meaning)} |`,
    )
    return `## ${from}\n\n| limit | value | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return `# Limits

Whatever a remote peer or a file can make a node do has a limit, and the limit is checked before
anything is parsed or allocated. This page is made from the sources by \`npm run fix\`.

${sections.join('\n')}`
}

function cell(text) {
  return text.replaceAll('|', '\\|')
}

/**
 * The codes in the types of one file: the members of unions, each with the comment above
 * it, and the fixed `code` of a class, with the comment of the field or of the class. A
 * code that stands in both is documented by the union.
 */
function errorCodes(file) {
  const source = parse(file)
  const found = new Map()
  const add = (name, comments) => {
    const meaning = comments.find((text) => text !== '') ?? ''
    if (!found.get(name)?.meaning) found.set(name, { name, meaning })
  }
  for (const statement of source.statements) {
    if (statement.type === 'TSTypeAliasDeclaration') {
      for (const { name, start } of codesIn(statement.typeAnnotation)) {
        add(name, [source.commentBefore(start)])
      }
    } else if (statement.type === 'ClassDeclaration') {
      for (const field of statement.body.body.filter(({ key }) => key?.name === 'code')) {
        for (const { name, start } of codesIn(field.typeAnnotation?.typeAnnotation)) {
          const comments = [start, field.start, statement.exportStart]
          add(
            name,
            comments.map((at) => source.commentBefore(at)),
          )
        }
      }
    }
  }
  return [...found.values()]
}

function codesIn(type) {
  if (type?.type === 'TSUnionType') return type.types.flatMap(codesIn)
  if (type?.type === 'TSParenthesizedType') return codesIn(type.typeAnnotation)
  if (type?.type !== 'TSLiteralType') return []
  const { value } = type.literal
  return typeof value === 'string' && value.startsWith('ERR_')
    ? [{ name: value, start: type.start }]
    : []
}

/** The exported constants of one file, with value and comment. */
function limitConstants(file) {
  const source = parse(file)
  return source.statements
    .filter(({ type, isExported }) => type === 'VariableDeclaration' && isExported)
    .flatMap(({ declarations, exportStart }) =>
      declarations.map(({ id, init }) => ({
        name: id.name,
        value: source.text.slice(init.start, init.end).replaceAll(/\s+/g, ' '),
        meaning: source.commentBefore(exportStart),
      })),
    )
}

function parse(file) {
  const text = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`)
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
  return {
    text,
    statements: program.body.map((node) => ({
      ...(node.declaration ?? node),
      isExported: node.type === 'ExportNamedDeclaration',
      exportStart: node.start,
    })),
    /** The documentation right above a place, as one line; '' where there is none. A header, with an empty line below it, is of the file. */
    commentBefore(start) {
      const doc = docs.findLast(({ end }) => end <= start)
      const between = doc === undefined ? 'x' : text.slice(doc.end, start)
      return /^[ \t]*\n?(?:[ \t]*\/\/[^\n]*\n)*[ \t]*\|?[ \t]*$/.test(between)
        ? commentToLine(doc.value)
        : ''
    },
  }
}

function commentToLine(comment) {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*+/, '').trim())
    .filter((line) => line !== '')
    .join(' ')
    .replaceAll(/\{@link ([^}]+)\}/g, '`$1`')
}
