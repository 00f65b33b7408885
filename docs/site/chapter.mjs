// # A chapter: its front matter and its page
import {renderNodes} from './blocks.mjs'
import {scanChapter} from './scan.mjs'
import {definedSymbols} from './symbols.mjs'
import {uniqueIds, words} from './text.mjs'

const fields = ['number', 'title', 'question', 'objectives', 'needs', 'files', 'symbols', 'further']

export function readChapter(file, site) {
  const {report, tree, packages} = site
  const scan = scanChapter(tree.read(file), (line, sentence) => report.refuse(file, line, sentence))
  let front = {}
  try {
    front = packages.yaml.load(scan.front) ?? {}
  } catch (error) {
    report.refuse(file, (error.mark?.line ?? 0) + 2, `The front matter is not YAML: ${error.reason ?? error.message}.`)
  }
  for (const field of Object.keys(front))
    if (!fields.includes(field)) report.refuse(file, lineOf(scan, field), `The front matter has no field "${field}"; the fields are ${fields.join(', ')}.`)
  for (const field of ['number', 'title', 'question'])
    if (front[field] === undefined) report.refuse(file, 1, `The front matter lacks "${field}".`)
  const number = front.number ?? 0
  return {
    file, scan, number, path: `${number}.html`, source: undefined, kind: 'chapter', chapter: number, up: '',
    title: String(front.title ?? file), question: String(front.question ?? ''),
    objectives: front.objectives ?? [], needs: front.needs ?? [], further: front.further ?? [],
    files: pairs(front.files).map(([name, question]) => ({file: name, question, line: lineOf(scan, name)})),
    symbols: pairs(front.symbols), defined: definedSymbols(pairs(front.symbols), file, site),
    isShort: scan.nodes.length === 0,
    links: [], headings: [], id: uniqueIds(),
    counts: {words: 0, code: 0, figures: 0, predictions: 0, live: 0}, figures: [], lives: [], predictions: [], exercises: [], recalls: [],
  }
}

// A list of one-entry maps, or of plain names, as pairs.
function pairs(list) {
  return (list ?? []).map(entry => typeof entry === 'object' ? Object.entries(entry)[0].map(String) : [String(entry), ''])
}

export function lineOf(scan, text) {
  const at = scan.front.split('\n').findIndex(line => line.includes(text))
  return at < 0 ? 1 : at + scan.frontLine
}

export async function weaveChapter(chapter, site) {
  chapter.main = await renderNodes(chapter.scan.nodes, chapter, site)
  chapter.text = chapter.scan.nodes.filter(({kind}) => kind === 'text').map(({text}) => text).join('\n')
  chapter.counts.words += words(chapter.text)
}
