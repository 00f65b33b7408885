// # What the weaver refuses of the whole: files, pages, links
import {commentText, longRuns} from './sections.mjs'
import {stripTags, unescapeHtml} from './text.mjs'

// ---- files and chapters ----

const mostCode = 30, longestStory = 35

export function checkBooks(site) {
  const {chapters, report, tree} = site
  for (const chapter of chapters) {
    for (const {file, line} of chapter.files)
      if (!tree.isFile(file)) report.refuse(chapter.file, line, `The front matter lists ${file}, but there is no such file.`)
    if (chapter.times.story > longestStory)
      report.refuse(chapter.file, 1, `The story takes ${chapter.times.story} minutes to read; a chapter has at most ${longestStory}.`)
  }
  for (const file of site.library) {
    const places = chapters.filter(({files}) => files.some(entry => entry.file === file))
    if (places.length === 0) report.refuse(file, 1, 'This file of the library stands in no chapter; add it to the "files" of one.')
    if (places.length > 1) report.refuse(file, 1, `This file of the library stands in ${places.length} chapters: ${places.map(({number}) => number).join(' and ')}.`)
  }
  for (const file of site.files)
    for (const {first, count} of longRuns(tree.lines(file), mostCode))
      report.refuse(file, first, `Here begin ${count} lines of code without a word of prose; ${mostCode} are the most.`)
}

// ---- a page shows its file ----

// The file is rebuilt from the page: code lines must be equal byte by byte. A comment has become
// paragraphs; its letters, numbers and signs must be there, in order.
export function checkPage(page, site) {
  if (!page.source) return
  const lines = site.tree.lines(page.source), shown = new Map()
  for (const [, n, html] of page.main.matchAll(/<span class="line(?: blank)?" id="L(\d+)">([^]*?)<\/span>\n?(?=<span class="line|<\/code>)/g))
    shown.set(Number(n), stripTags(html).replace(/\n$/, ''))
  const prose = new Map(proseOf(page.main).map(({first, last, text}) => [first, {last, text}]))
  for (let n = 1; n <= lines.length; ++n) {
    const comment = prose.get(n)
    if (comment) {
      const wanted = lines.slice(n - 1, comment.last).map(commentText).map(plain).join('')
      if (wanted !== plain(comment.text)) site.report.refuse(page.source, n, `The page does not show the words of lines ${n} to ${comment.last}.`)
      n = comment.last
    } else if (shown.has(n) ? shown.get(n) !== lines[n - 1] : lines[n - 1] !== '') {
      site.report.refuse(page.source, n, `The page does not show line ${n}: "${lines[n - 1].trim()}".`)
    }
  }
}

// What is compared of prose: everything but white space and the marks of Markdown.
const plain = text => text.replace(/[\s`*#|\\-]/g, '')

function proseOf(main) {
  return main.split('<section ').slice(1).flatMap(section => {
    const match = /<div class="prose" data-lines="(\d+)-(\d+)">([^]*)/.exec(section)
    if (!match) return []
    const html = match[3].split('<pre class="code"')[0].replace(/<\/div>\n(<\/section>\n)?$/, '')
      .replace(/<p class="file">[^<]*<\/p>/, '').replace(/<thead class="unseen">.*?<\/thead>/g, '')
      .replace(/<li value="(\d+)">/g, '$1. ')
    return [{first: Number(match[1]), last: Number(match[2]), text: stripTags(html)}]
  })
}

// ---- links ----

const idsOf = html => new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => unescapeHtml(id)))

export function checkLinks(pages, site) {
  const ids = new Map(pages.map(page => [page.path, idsOf(page.main)]))
  for (const page of pages)
    for (const {file, line, href} of page.links) {
      const [path, anchor] = href.split('#')
      const target = ids.get(path || page.path)
      if (!target) site.report.refuse(file, line, `The link "${href}" leads nowhere: the site has no page ${path}.`)
      else if (anchor && anchor !== 'main' && !target.has(decodeURIComponent(anchor)))
        site.report.refuse(file, line, `The link "${href}" leads nowhere: ${path || 'this page'} has no anchor "${anchor}".`)
    }
}
