// # The index of the search: titles, headings, prose, identifiers, messages of errors
//
// It is a script beside the pages, since a page that is opened as a file may not fetch. What the page
// and this file share, how text is cut into words, is assets/tokens.js.
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {commentText, headingOf, isEmpty, splitSections} from './sections.mjs'
import {sha256} from './tree.mjs'

const fields = ['title', 'head', 'text', 'errors', 'names']
const options = {idField: 'id', fields, storeFields: ['title', 'head', 'href', 'text']}

export async function searchScript(pages, site) {
  const {MiniSearch, folderOf} = site.packages
  const tokens = site.tree.read('docs/site/assets/tokens.js')
  const entries = pages.flatMap(page => entriesOf(page, site))
  const key = `search-${sha256(tokens + JSON.stringify(entries))}`
  let json = site.cache.get(key)
  if (!json) {
    (0, eval)(tokens)
    const index = new MiniSearch({...options, tokenize: globalThis.glassgrad_tokens, processTerm: term => term})
    index.addAll(entries.map((entry, id) => ({head: '', errors: '', names: '', ...entry, id})))
    json = JSON.stringify(index)
    site.cache.set(key, json)
  }
  const library = readFileSync(join(folderOf('minisearch'), 'dist/umd/index.js'), 'utf8').replace(/^\/\/# sourceMappingURL.*$/m, '')
  return `${library}\n${tokens}\nwindow.glassgrad_search = {options: ${JSON.stringify(options)}, index: ${json}};\n`
}

function entriesOf(page, site) {
  if (page.kind === 'source') return sourceEntries(page, site)
  if (page.kind === 'chapter') return chapterEntries(page)
  return page.entries ?? [{title: page.title, href: page.path, text: page.text ?? ''}]
}

// ---- source pages: an entry for each heading, and one for each message of an error ----

function sourceEntries(page, site) {
  const lines = site.tree.lines(page.source)
  const title = `${page.title} · ${page.source}`
  const entries = [{title, href: page.path, text: '', names: ''}]
  const headings = page.headings.filter(({level}) => level > 1)
  for (const {comment, code} of splitSections(lines)) {
    for (let n = comment.first; n <= comment.last; ++n) {
      const text = commentText(lines[n - 1]), heading = headingOf(text)
      if (heading?.level === 2) {
        const {id, title: head} = headings.shift()
        entries.push({title, head, href: `${page.path}#${id}`, text: '', names: ''})
      } else if (!heading) entries.at(-1).text += text + ' '
    }
    if (!isEmpty(code)) entries.at(-1).names += namesOf(lines.slice(code.first - 1, code.last)) + ' '
  }
  return [...entries, ...errorsOf(lines).map(({line, message}) => ({title, head: `error, line ${line}`, href: `${page.path}#L${line}`, text: message, errors: message}))]
}

const namesOf = lines => [...new Set(lines.join('\n').match(/[A-Za-z_]\w{2,}/g) ?? [])].join(' ')

// The string literals that begin in the code, each joined with those that follow it: a message has words.
function errorsOf(lines) {
  const code = lines.map(line => /^\s*(\/\/|#)/.test(line) ? '' : line).join('\n')
  const messages = []
  for (const match of code.matchAll(/"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*/g)) {
    const message = match[0].replace(/"\s*"/g, '').slice(1, -1).replace(/\\(.)/g, '$1')
    if (message.length < 16 || message.split(' ').length < 3) continue
    messages.push({line: code.slice(0, match.index).split('\n').length, message})
  }
  return messages
}

// ---- chapters: an entry for each heading ----

const withoutMarks = text => text.replace(/\{#[\w-]+\}/g, '').replace(/\]\([^)]*\)/g, ']').replace(/[`*[\]$]/g, '').replace(/\s+/g, ' ')

function chapterEntries(chapter) {
  const title = `${chapter.number} · ${chapter.title}`
  const entries = [{title, href: chapter.path, text: chapter.question}]
  const headings = chapter.headings.filter(({level}) => level > 1)
  const visit = nodes => {
    for (const node of nodes) {
      if (node.kind === 'block') {
        entries.at(-1).text += ' ' + withoutMarks([node.argument, ...node.body.map(([, text]) => text)].join(' '))
      } else if (node.kind === 'text') {
        for (const line of node.text.split('\n')) {
          if (/^#{2,} /.test(line)) entries.push({title, head: headings[0]?.title, href: `${chapter.path}#${headings.shift()?.id}`, text: ''})
          else entries.at(-1).text += ' ' + withoutMarks(line)
        }
      }
    }
  }
  visit(chapter.scan.nodes)
  return entries
}
