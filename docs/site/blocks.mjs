// # The blocks of a chapter as HTML
import {figure} from './figures.mjs'
import {exerciseBlock, breakBlock, liveBlock} from './parts.mjs'
import {predict} from './predict.mjs'
import {isOutput, outputHtml, quoteFence, runFence} from './fences.mjs'
import {formulaRenderer} from './symbols.mjs'
import {headingIds} from './headings.mjs'

const blocks = {predict, figure, live: liveBlock, exercise: exerciseBlock, break: breakBlock, recall, path: pathBlock}

export const environment = (chapter, site, line) =>
  ({file: chapter.file, line, page: chapter, site, formula: chapter.formula ??= formulaRenderer(chapter, site)})

export async function renderNodes(nodes, chapter, site) {
  const html = []
  for (const node of nodes) html.push(await renderNode(node, chapter, site))
  return html.join('')
}

async function renderNode(node, chapter, site) {
  if (node.kind === 'text') {
    const env = environment(chapter, site, node.line)
    const tokens = site.markdown.parse(node.text, env)
    headingIds(tokens, chapter, site, env)
    return site.markdown.renderer.render(tokens, site.markdown.options, env)
  }
  if (node.kind === 'fence') return fenceHtml(node, chapter, site)
  const block = blocks[node.name]
  if (block) return block(node, chapter, site)
  site.report.refuse(chapter.file, node.line, `There is no block "${node.name}"; the blocks are ${Object.keys(blocks).join(', ')}.`)
  return ''
}

async function fenceHtml(node, chapter, site) {
  if (isOutput(node)) return outputHtml(node, chapter, site)
  chapter.counts.code += node.body.filter(line => line.trim()).length
  if (node.attrs.quote) return quoteFence(node, chapter, site)
  return runFence(node, chapter, site)
}

// '- question || answer' lines; an answer may go on in indented lines.
async function recall(node, chapter, site) {
  const items = []
  for (const [line, text] of node.body) {
    if (/^- /.test(text)) items.push({line, text: text.slice(2)})
    else if (items.length) items.at(-1).text += ' ' + text.trim()
  }
  const html = items.map(({line, text}) => {
    const [question, answer] = text.split(/\s*\|\|\s*/)
    if (!answer) site.report.refuse(chapter.file, line, 'A recall question needs an answer behind "||".')
    const env = environment(chapter, site, line)
    const id = `recall-${chapter.number}-${chapter.recalls.length + 1}`
    const inner = {id, question: site.markdown.renderInline(question, env), answer: site.markdown.renderInline(answer ?? '', env)}
    chapter.recalls.push(inner)
    return card(inner)
  })
  return `<section class="recall" aria-label="Recall">\n<h2 id="recall">What do you still know?</h2>\n<ol>${html.join('')}</ol>\n</section>\n`
}

export const card = ({id, question, answer}) =>
  `<li><details data-recall="${id}"><summary>${question}</summary><p class="answer">${answer}</p></details></li>\n`

async function pathBlock(node, chapter, site) {
  const text = node.body.map(([, line]) => line).join('\n')
  const html = site.markdown.render(text, environment(chapter, site, node.body[0]?.[0] ?? node.line))
  return `<aside class="path" role="note" data-path="${node.argument}">\n<p class="label">On the ${node.argument} path</p>\n${html}</aside>\n`
}
