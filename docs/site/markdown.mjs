// # Markdown, for comments and for chapters
//
// One factory for both: links are noted with their line, so that a dead one is reported where it was
// written; a path of the repository becomes a link to its page; formulas go to KaTeX.
import {escapeHtml} from './text.mjs'

const path = /\b(?:tensor|autograd|nn|optim|examples|docs|tests)\/[\w./-]*\w\.(?:h|cpp|md|txt)\b/g

// A text is rendered with an environment: {file, line (of the text's first line), page, site, formula}.
export function makeMarkdown({MarkdownIt, tex}, {math}) {
  const md = new MarkdownIt({html: false, linkify: false, typographer: false})
  md.disable(['lheading', 'strikethrough'])
  md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>\n'
  md.renderer.rules.table_close = () => '</table></div>\n'
  if (math) md.use(tex, {render: (content, display, env) => env.formula(content, display, env.at)})
  if (math) atTheirLines(md)
  // Numbers of a list stand in the page, also where a list begins with 3.
  md.renderer.rules.list_item_open = (tokens, i) => tokens[i].info ? `<li value="${tokens[i].info}">` : '<li>'
  md.core.ruler.push('course', state => {
    for (const token of state.tokens) annotate(token, state)
  })
  return md
}

// The formula's line reaches its renderer through the environment.
function atTheirLines(md) {
  for (const rule of ['math_inline', 'math_block']) {
    const render = md.renderer.rules[rule]
    md.renderer.rules[rule] = (tokens, i, options, env, self) => {
      env.at = tokens[i].meta?.line ?? env.line + (tokens[i].map?.[0] ?? 0)
      const html = render(tokens, i, options, env, self), after = tokens[i].meta?.after
      return after ? `<span style="white-space: nowrap">${html}${escapeHtml(after)}</span>` : html
    }
  }
}

function annotate(token, {env, Token}) {
  if (token.type !== 'inline') return
  let line = env.line + (token.map?.[0] ?? 0)
  const children = []
  let linked = 0
  for (const child of token.children) {
    if (child.type === 'softbreak' || child.type === 'hardbreak') ++line
    if (child.type === 'math_inline') child.meta = {line}
    if (child.type === 'link_open') ++linked, noteLink(child, env, line)
    if (child.type === 'link_close') --linked
    if (!linked && child.type === 'code_inline') children.push(...linkCode(child, env, line, Token))
    else if (!linked && child.type === 'text') children.push(...linkText(child, env, line, Token))
    else children.push(child)
  }
  token.children = children
  if (token.children.some(({type}) => type === 'math_inline')) keepPunctuation(token.children)
}

// No line begins with the comma behind a formula: a short formula takes it along.
function keepPunctuation(children) {
  children.forEach((child, i) => {
    const next = children[i + 1]
    if (child.type !== 'math_inline' || child.content.length > 30 || next?.type !== 'text') return
    const [signs] = /^[,.;:!?)’”]*/.exec(next.content)
    child.meta.after = signs
    next.content = next.content.slice(signs.length)
  })
}

function noteLink(token, env, line) {
  const href = token.attrGet('href')
  if (/^https?:/.test(href)) return token.attrSet('rel', 'noopener')
  env.page.links.push({file: env.file, line, href})
  token.attrSet('href', href.startsWith('#') ? href : env.page.up + href)
}

function anchor(inner, href, Token) {
  const open = new Token('link_open', 'a', 1)
  open.attrSet('href', href)
  return [open, inner, new Token('link_close', 'a', -1)]
}

// `tensor/shape.h` or `tensor/shape.h:12`
function linkCode(token, env, line, Token) {
  const [, file, number] = /^([\w./-]+?)(?::(\d+))?$/.exec(token.content) ?? []
  if (file && new RegExp(`^${path.source}$`).test(file) && !env.site.tree.isFile(file))
    env.site.report.refuse(env.file, line, `This line names ${file}, but there is no such file.`)
  if (!file || !env.site.hasPage(file) || file === env.page.source) return [token]
  const href = `src/${file}.html${number ? `#L${number}` : ''}`
  env.page.links.push({file: env.file, line, href})
  return anchor(token, env.page.up + href, Token)
}

// Comments write paths without quotes.
function linkText(token, env, line, Token) {
  const parts = []
  let from = 0
  const push = text => {
    const part = new Token('text', '', 0)
    part.content = text
    return part
  }
  for (const match of token.content.matchAll(path)) {
    if (!env.site.tree.isFile(match[0])) {
      env.site.report.refuse(env.file, line, `This line names ${match[0]}, but there is no such file.`)
      continue
    }
    if (!env.site.hasPage(match[0]) || match[0] === env.page.source) continue
    const href = `src/${match[0]}.html`
    env.page.links.push({file: env.file, line, href})
    parts.push(push(token.content.slice(from, match.index)),
      ...anchor(push(match[0]), env.page.up + href, Token))
    from = match.index + match[0].length
  }
  if (!from) return [token]
  return [...parts, push(token.content.slice(from))].filter(part => part.type !== 'text' || part.content)
}

// Inline Markdown of a short text: a caption, a question, a hint's line.
export const inline = (md, text, env) => md.renderInline(text, env)

export const codeFace = lines => `<pre class="plain" tabindex="0"><code>${escapeHtml(lines.join('\n'))}\n</code></pre>\n`
