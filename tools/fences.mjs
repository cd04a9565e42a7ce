/** The code blocks of the repository's Markdown files, for the test that runs every one of them. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** What a block may be. Each is run or checked; a language that nobody runs is refused. */
export const languages = ['ts', 'sh', 'json', 'mermaid']

/** Folders that hold what others wrote or what is made from the sources; those with a dot besides. */
const leftOut = new Set(['node_modules', 'dist', 'coverage', 'api'])

/** Every Markdown file below `root`, without the change logs, which quote old code. */
export function markdownFiles(root, folder = '') {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const file = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name.startsWith('.') || leftOut.has(entry.name)) return []
      if (entry.isDirectory()) return markdownFiles(root, file)
      return entry.name.endsWith('.md') && entry.name !== 'CHANGELOG.md' ? [file] : []
    })
    .toSorted((a, b) => (a < b ? -1 : 1))
}

/** The blocks of one file of `root`. */
export function fencesOf(root, file) {
  return fencesIn(readFileSync(path.join(root, file), 'utf8'), file)
}

/**
 * The blocks of a text: language, content and the line on which the content begins
 * (CommonMark section 4.5). `isOpen` marks one that swallows the rest of the file.
 */
export function fencesIn(text, file) {
  const fences = []
  let open
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const begin = /^(\s*)(`{3,}|~{3,})([^`]*)$/.exec(line)
    if (open === undefined && begin) {
      const [, indent, mark, info] = begin
      const language = info.trim().split(/\s/)[0]
      open = { file, line: index + 2, language, indent, mark, lines: [] }
    } else if (open !== undefined && isEnd(line.trim(), open.mark)) {
      fences.push(fenceOf(open))
      open = undefined
    } else open?.lines.push(line)
  }
  if (open !== undefined) fences.push({ ...fenceOf(open), isOpen: true })
  return fences
}

function isEnd(line, mark) {
  return line.length >= mark.length && line === mark[0].repeat(line.length)
}

/** A block inside a list is indented as a whole. */
function fenceOf({ file, line, language, indent, lines }) {
  const content = lines.map((text) => (text.startsWith(indent) ? text.slice(indent.length) : text))
  return {
    file,
    line,
    language,
    content: content.map((text) => `${text}\n`).join(''),
    isOpen: false,
  }
}

/** What is wrong with the form of a block, or undefined. */
export function fenceMistake({ file, line, language, content, isOpen }) {
  const where = `${file}:${line - 1}`
  if (isOpen) return `${where}: the block is never closed`
  if (!languages.includes(language)) {
    return `${where}: nobody runs "${language}", only ${languages.join(', ')}`
  }
  if (content.trim() === '') return `${where}: the block is empty`
  if (language === 'json') return jsonMistake(where, content)
  if (
    language === 'mermaid' &&
    !/^\s*(flowchart|sequenceDiagram|stateDiagram-v2|classDiagram)\b/.test(content)
  ) {
    return `${where}: not a diagram that Mermaid draws everywhere`
  }
  return undefined
}

function jsonMistake(where, content) {
  try {
    JSON.parse(content)
    return undefined
  } catch (error) {
    return `${where}: ${error.message}`
  }
}

/** The lines that a shell would run, those that end in a backslash joined with the next. */
export function shellLines(content) {
  return content
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
