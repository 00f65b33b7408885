// # Fences: quoted lines, runs and their outputs
import {dedent, escapeHtml} from './text.mjs'
import {runKind} from './scan.mjs'

export const isOutput = ({lang}) => lang === 'output'

const codeBlock = (lines, kind = 'code') =>
  `<pre class="${kind}" tabindex="0"><code>${lines.map(line => `<span class="line">${line}</span>\n`).join('')}</code></pre>\n`

// The lines of the file that a quotation repeats; the indentation that all its lines share may be dropped.
export function findQuote(quote, lines) {
  const wanted = dedent(quote).map(line => line.trimEnd())
  const found = []
  for (let at = 0; at + wanted.length <= lines.length; ++at) {
    if (lines[at].trim() !== wanted[0]?.trim()) continue
    const here = dedent(lines.slice(at, at + wanted.length))
    if (here.every((line, i) => line.trimEnd() === wanted[i])) found.push(at + 1)
  }
  return found
}

export async function quoteFence(node, chapter, site) {
  const file = node.attrs.quote
  const refuse = sentence => site.report.refuse(chapter.file, node.line, sentence)
  if (!site.tree.isFile(file)) return refuse(`This block quotes ${file}, but there is no such file.`), ''
  const found = findQuote(node.body, site.tree.lines(file))
  if (found.length === 0) return refuse(`These lines do not stand in ${file}: somebody has changed them there or here.`), ''
  if (found.length > 1) refuse(`These lines stand in ${file} ${found.length} times; quote more lines, so that the place is clear.`)
  const first = found[0], last = first + node.body.length - 1
  const where = `${file}, ${first === last ? `line ${first}` : `lines ${first}–${last}`}`
  const href = `src/${file}.html#L${first}`
  const linked = site.hasPage(file)
  if (linked) chapter.links.push({file: chapter.file, line: node.line, href})
  const caption = linked ? `<a href="${href}">${escapeHtml(where)}</a>` : escapeHtml(where)
  const html = await site.highlighter.lines(dedent(node.body).join('\n'))
  return `<div class="quote"><p class="source">${caption}</p>\n${codeBlock(html)}</div>\n`
}

// Code that runs, and code that only stands there.
export async function runFence(node, chapter, site) {
  const kind = runKind(node)
  const lang = {cpp: 'cpp', sh: 'shellscript', js: 'javascript', json: 'json', cmake: 'cmake'}[node.lang]
  if (!lang && node.lang && node.lang !== 'text')
    site.report.refuse(chapter.file, node.line, `A fence of the language "${node.lang}" is not known here; cpp, sh, output and text are.`)
  const html = lang ? await site.highlighter.lines(node.body.join('\n'), lang) : node.body.map(escapeHtml)
  return kind ? codeBlock(html, `code run ${kind}`) : codeBlock(html)
}

export function outputHtml(node) {
  return `<pre class="output" tabindex="0"><code>${escapeHtml(node.body.join('\n'))}\n</code></pre>\n`
}
