// # A source file as a page: prose left, code right
import {codeFace} from './markdown.mjs'
import {commentText, headingOf, isEmpty, splitSections} from './sections.mjs'
import {escapeHtml, stripTags, uniqueIds, words} from './text.mjs'

export async function sourcePage(file, site) {
  const lines = site.tree.lines(file)
  const page = {path: `src/${file}.html`, source: file, up: '../'.repeat(file.split('/').length),
    kind: 'source', links: [], headings: [], lines: lines.length, id: uniqueIds()}
  const colours = await site.highlighter.lines(lines.join('\n'))
  const sections = splitSections(lines)
  page.title = titleOf(lines)
  if (!page.title) {
    site.report.refuse(file, 1, 'A source file begins with its title, "// # Title", and this one does not.')
    page.title = file
  }
  const html = []
  for (const section of sections) {
    const prose = isEmpty(section.comment) ? '' : proseOf(section.comment, lines, page, site)
    const code = isEmpty(section.code) ? '' : codeOf(section, lines, colours, page, site)
    const kind = code ? (prose ? 'row' : 'row bare') : 'wide'
    html.push(`<section class="${kind}" data-lines="${section.comment.first}-${Math.max(section.code.last, section.blanks.last, section.comment.last)}">\n${prose}${code}</section>\n`)
  }
  page.main = html.join('')
  page.text = sections.map(({comment}) => lines.slice(comment.first - 1, comment.last).map(commentText).join('\n')).join('\n')
  page.words = words(page.text)
  page.codeLines = lines.length - page.text.split('\n').length
  return page
}

const titleOf = lines => {
  const first = lines.find(line => line.trim())
  const heading = first?.startsWith('// ') && headingOf(commentText(first))
  return heading && heading.level === 1 ? heading.text : undefined
}

// ---- prose ----

// The comment's lines fall into parts: a heading, formula rows, indented lines, Markdown.
function proseOf({first, last}, lines, page, site) {
  const anchors = []
  for (let n = first; n <= last; ++n) anchors.push(`<a id="L${n}"></a>`)
  const parts = partsOf(lines.slice(first - 1, last).map(commentText))
  const html = parts.map(part => renderPart(part, first, page, site)).join('')
  return `<div class="prose" data-lines="${first}-${last}">${anchors.join('')}\n${html}</div>\n`
}

function partsOf(texts) {
  const parts = []
  const add = (kind, at, text) => {
    const last = parts.at(-1)
    if (last?.kind === kind && kind !== 'heading') last.lines.push(text)
    else parts.push({kind, at, lines: [text]})
  }
  let list = false
  texts.forEach((text, at) => {
    if (/^([-*]|\d+\.) /.test(text)) list = true
    else if (/^\S/.test(text)) list = false
    if (headingOf(text)) add('heading', at, text)
    else if (/^ {2,}\S/.test(text) && !list) add('plain', at, text)
    else if (isRow(text) && !list) add('rows', at, text)
    else if (!text && parts.at(-1)?.kind === 'plain' && /^ {2,}\S/.test(texts[at + 1] ?? '')) add('plain', at, text)
    else add('text', at, text)
  })
  return joinTables(parts).map(endWithSource)
}

// A VJP may stand closer: 'y = 1/(1 + e⁻ˣ)  dx = g ⊙ y'.
const gap = / {3,}| {2,}(?=d\w+ = )/
const isRow = text => /\S {3,}\S/.test(text) || /[^,;.\s] {2}d\w+ = /.test(text)

// A row above indented lines is the first line of a table in the code face.
function joinTables(parts) {
  return parts.flatMap((part, i) => {
    if (part.kind === 'rows' && parts[i + 1]?.kind === 'plain') {
      parts[i + 1].lines.unshift(...part.lines)
      parts[i + 1].at = part.at
      return []
    }
    return [part]
  })
}

// 'A sentence.   Its source (2016)' is no formula.
function endWithSource(part) {
  const sourced = part.kind === 'rows' && part.lines.length === 1 && /^([^=]*[.:])? {3,}([^=]+)$/.exec(part.lines[0])
  return sourced ? {kind: 'text', at: part.at, lines: [`${sourced[1]} ${sourced[2]}`]} : part
}

function renderPart(part, first, page, site) {
  if (part.kind === 'heading') return headingHtml(part.lines[0], page, site)
  if (part.kind === 'plain') return codeFace(part.lines)
  if (part.kind === 'rows') return rowsHtml(part.lines)
  const env = {file: page.source, line: first + part.at, page, site}
  return site.prose.render(separateLists(part.lines).join('\n'), env)
}

// A list begins a new paragraph, and its deeply indented lines are code, also without blank lines.
function separateLists(lines) {
  const result = []
  lines.forEach((line, i) => {
    const code = /^ {7,}/.test(line), before = /^ {7,}/.test(lines[i - 1] ?? '')
    if (i && code !== before) result.push('')
    result.push(line)
  })
  return result
}

function headingHtml(text, page, site) {
  const {level, text: title} = headingOf(text)
  const inner = site.prose.renderInline(title, {file: page.source, line: 1, page, site})
  const id = page.id(title)
  page.headings.push({level, id, title: stripTags(inner)})
  const heading = `<h${level} id="${id}">${inner}</h${level}>\n`
  return level === 1 ? `<p class="file">${escapeHtml(page.source)}</p>\n${heading}<p class="ledger"></p>\n` : heading
}

// 'y = eˣ           dx = g ⊙ y': parts become columns.
function rowsHtml(lines) {
  const rows = lines.map(line => line.split(gap))
  const columns = Math.max(...rows.map(row => row.length))
  const html = rows.map(row => '<tr>' + row.map((cell, i) =>
    `<td${i === row.length - 1 && row.length < columns ? ` colspan="${columns - i}"` : ''}>${escapeHtml(cell)}</td>`).join('') + '</tr>')
  const head = columns === 2 && lines.every(line => /^[^=]*=.* {2,}d/.test(line))
    ? '<thead class="unseen"><tr><th>Forward</th><th>Backward</th></tr></thead>' : ''
  return `<table class="formulas">${head}<tbody>${html.join('')}</tbody></table>\n`
}

// ---- code ----

function codeOf({code, blanks, comment}, lines, colours, page, site) {
  // Blank lines between a heading and its code are shown as the first lines of the code.
  const first = isEmpty(comment) || !isEmpty(blanks) ? Math.min(blanks.first, code.first) : code.first
  const html = []
  for (let n = first; n <= code.last; ++n) {
    const blank = lines[n - 1] === '', number = `<a class="number" href="#L${n}" data-n="${n}" tabindex="-1" aria-hidden="true"></a>`
    const text = number + withInclude(colours[n - 1], lines[n - 1], n, page, site)
    // The style sheet hides a blank line at either end, so its line break stands inside.
    const edge = blank && (n === first || n === code.last)
    html.push(`<span class="line${blank ? ' blank' : ''}" id="L${n}">${text}${edge ? '\n</span>' : '</span>\n'}`)
  }
  return `<pre class="code" tabindex="0"><code>${html.join('')}</code></pre>\n`
}

function withInclude(html, line, number, page, site) {
  const path = /^\s*#\s*include\s+"([^"]+)"/.exec(line)?.[1]
  if (!path) return html
  const beside = page.source.includes('/') ? page.source.replace(/[^/]*$/, '') + path : path
  const target = [path, beside].find(name => site.tree.isFile(name))
  if (!target) {
    if (!site.generated(path))
      site.report.refuse(page.source, number, `This line includes "${path}", but there is no such file.`)
    return html
  }
  if (!site.hasPage(target)) return html
  const href = `src/${target}.html`
  page.links.push({file: page.source, line: number, href})
  const quoted = `&quot;${path}&quot;`
  const link = `<a href="${page.up}${href}">${quoted}</a>`
  return html.includes(quoted) ? html.replace(quoted, link) : html
}
