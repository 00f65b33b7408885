// # Figures: drawings that docs_figures has written, with caption, text and numbers
import {existsSync, readFileSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import {environment} from './blocks.mjs'
import {escapeHtml} from './text.mjs'

// 'caption: …' and 'alt: …', each over one line or several.
export function keyed(body) {
  const fields = {}
  let last
  for (const [line, text] of body) {
    const match = /^(\w+):\s*(.*)$/.exec(text)
    if (match) fields[last = match[1]] = {line, text: match[2]}
    else if (last) fields[last].text += ' ' + text.trim()
  }
  return fields
}

export async function figure(node, chapter, site) {
  const name = node.argument
  const {caption, alt} = keyed(node.body)
  const refuse = sentence => site.report.refuse(chapter.file, node.line, sentence)
  if (!caption?.text) refuse(`The figure "${name}" has no line "caption: …".`)
  if (!alt?.text) refuse(`The figure "${name}" has no line "alt: …", which says it to a person who does not see it.`)
  chapter.counts.figures += 1
  site.figuresUsed.add(name)
  const path = join(site.build, 'docs', 'figures', `${name}.svg`)
  if (!existsSync(path)) return refuse(`The figure "${name}" is missing: docs_figures has not drawn ${name}.svg.`), ''
  const id = `figure-${name.replace(/[^\w]+/g, '-')}`
  const svg = readFileSync(path, 'utf8').replace(/<\?xml[^>]*>|<!DOCTYPE[^>]*>/g, '').trim()
  const text = caption ? site.markdown.renderInline(caption.text, environment(chapter, site, caption.line)) : ''
  const width = /viewBox="[-\d.]+ [-\d.]+ ([\d.]+)/.exec(svg)?.[1] ?? 640
  return `<figure class="figure" id="${id}" style="--w:${width}px">
<div class="drawing" tabindex="0">${svg}</div>
<p class="alt unseen">${escapeHtml(alt?.text ?? '')}</p>
<figcaption>${text}</figcaption>
${numbers(path)}</figure>
`
}

// The table beside a figure: {columns, rows}.
function numbers(path) {
  const beside = path.replace(/\.svg$/, '.json')
  if (!existsSync(beside)) return ''
  const {columns, rows} = JSON.parse(readFileSync(beside, 'utf8'))
  const cells = (tag, row) => `<tr>${row.map(cell => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join('')}</tr>`
  return `<details class="numbers"><summary>Numbers</summary><div class="table" tabindex="0"><table><thead>${cells('th', columns)}</thead><tbody>${rows.map(row => cells('td', row)).join('')}</tbody></table></div></details>\n`
}

// A drawing that no chapter shows is a drawing that nobody checks.
export function refuseUnused(site) {
  const folder = join(site.build, 'docs', 'figures')
  if (!existsSync(folder)) return
  for (const chapter of readdirSync(folder).filter(name => /^chapter-\d+$/.test(name)))
    for (const file of readdirSync(join(folder, chapter)).filter(name => name.endsWith('.svg'))) {
      const name = `${chapter}/${file.replace(/\.svg$/, '')}`
      if (!site.figuresUsed.has(name)) site.report.refuse(`docs/figures/${chapter.replace('-', '_')}.cpp`, 1, `The figure "${name}" is drawn, but no chapter shows it.`)
    }
}
