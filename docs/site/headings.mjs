// # Headings of a chapter: ids, and the table of contents
import {stripTags} from './text.mjs'

// '## Newest first {#newest-first}' names its id.
export function headingIds(tokens, chapter, site, env) {
  tokens.forEach((token, i) => {
    if (token.type !== 'heading_open') return
    const level = Number(token.tag.slice(1)), inline = tokens[i + 1]
    const line = env.line + (token.map?.[0] ?? 0)
    if (level === 1) site.report.refuse(chapter.file, line, 'Headings of a chapter begin with "##"; its title stands in the front matter.')
    const last = inline.children.at(-1)
    const match = last?.type === 'text' && /\s*\{#([\w-]+)\}\s*$/.exec(last.content)
    if (match) last.content = last.content.slice(0, match.index)
    const title = stripTags(site.markdown.renderer.renderInline(inline.children, site.markdown.options, env))
    const id = chapter.id(match ? match[1] : title)
    token.attrSet('id', id)
    chapter.headings.push({level, id, title})
    if (tokens[i + 3]?.type === 'math_block')
      site.report.refuse(chapter.file, env.line + tokens[i + 3].map[0], 'A section begins with a formula; say first what it is about.')
  })
}
