// # The page of a chapter: what stands around its text
import {card, environment} from './blocks.mjs'
import {lineOf} from './chapter.mjs'
import {escapeHtml, plural} from './text.mjs'
import {timesText} from './times.mjs'

// The way of a sentence through the book, and the chapter that explains each station.
const stations = [['words', 8], ['numbers', 1], ['layers', 5], ['attention', 6], ['loss', 7], ['sweep', 3], ['step', 7], ['translation', 8]]

export function chapterMain(chapter, site) {
  const inline = text => site.markdown.renderInline(text, environment(chapter, site, 1))
  const sections = [
    `<p class="number">Chapter ${chapter.number}</p>\n<h1 id="${chapter.id(chapter.title)}">${inline(chapter.title)}</h1>\n`,
    `<p class="question">${inline(chapter.question)}</p>\n`,
    where(chapter),
    `<p class="times">${timesText(chapter.times)}</p>\n`,
  ]
  if (chapter.isShort) sections.push('<p class="unwritten">The text of this chapter is not written yet. Its source files are here, in the order in which they are best read.</p>\n')
  if (chapter.objectives.length) sections.push(list('After it you can', 'objectives', chapter.objectives.map(text => answered(inline(text), text, chapter, site))))
  if (chapter.needs.length) sections.push(needs(chapter, site))
  if (chapter.symbols.length) sections.push(symbols(chapter, site))
  if (!chapter.isShort) sections.push(again(chapter, site))
  sections.push(chapter.main, files(chapter, site))
  if (chapter.further.length) sections.push(list('Further reading', 'further', chapter.further.map(inline), 'further-reading', chapter))
  return sections.join('')
}

function where(chapter) {
  const state = number => number === chapter.number ? 'here' : number < chapter.number ? 'met' : 'later'
  const items = stations.map(([name, number]) => {
    const now = chapter.number === 0 && name === 'sweep' ? 'here' : state(number)
    return `<span class="station" data-state="${now}" data-chapter="${number}"${now === 'here' ? ' aria-current="step"' : ''}>${name}</span>`
  })
  return `<p class="where" aria-label="Where we are">${items.join(' <span class="to" aria-hidden="true">→</span> ')}</p>\n`
}

// The recall questions of the chapter before; the page shows those that were forgotten.
function again(chapter, site) {
  const before = site.chapters.filter(({number, recalls}) => number < chapter.number && recalls.length).at(-1)
  if (!before) return ''
  return `<section class="recall again" hidden aria-label="Recall from chapter ${before.number}">\n<h2>From chapter ${before.number}, once more</h2>\n<ol>${before.recalls.map(card).join('')}</ol>\n</section>\n`
}

function list(title, kind, items, id = '', chapter) {
  if (id) chapter.headings.push({level: 2, id, title})
  const heading = id ? `<h2 id="${id}">${title}</h2>` : `<p class="label">${title}</p>`
  return `<section class="${kind}">\n${heading}\n<ul>${items.map(item => `<li>${item}</li>`).join('')}</ul>\n</section>\n`
}

// An objective names the exercise or the prediction that answers it; the name becomes a link.
function answered(html, text, chapter, site) {
  const refuse = sentence => site.report.refuse(chapter.file, lineOf(chapter.scan, text.slice(0, 30)), sentence)
  const names = /\b(exercise|prediction)s? (\d+\.\d+(?:(?:, | and )\d+\.\d+)*)/g
  if (!names.test(html)) return refuse(`The objective "${text}" names no exercise and no prediction that answers it.`), html
  const linked = html.replace(names, (all, kind, numbers) => all.replace(numbers, numbers.replace(/\d+\.\d+/g, number => {
    if (!(kind === 'exercise' ? chapter.exercises : chapter.predictions).includes(number))
      refuse(`The objective "${text}" names ${kind} ${number}, which is not in this chapter.`)
    return `<a href="#${kind === 'exercise' ? 'exercise' : 'predict'}-${number}">${number}</a>`
  })))
  return linked
}

function needs(chapter, site) {
  const links = chapter.needs.map(number => {
    const other = site.chapters.find(each => each.number === number)
    if (!other) return site.report.refuse(chapter.file, 1, `The front matter needs chapter ${number}, which is not there.`), ''
    return `<a href="${other.path}">${number} · ${escapeHtml(other.title)}</a>`
  })
  return `<p class="needs">Needs ${links.join(', ')}.</p>\n`
}

function symbols(chapter, site) {
  const {katex} = site.packages
  chapter.math = true
  const rows = chapter.symbols.map(([tex, meaning]) => {
    const html = katex.renderToString(tex, {throwOnError: false, strict: 'ignore'})
    return `<dt>${html}</dt><dd>${site.markdown.renderInline(meaning, environment(chapter, site, 1))}</dd>\n`
  })
  return `<details class="symbols"><summary>Symbols</summary><dl>${rows.join('')}</dl></details>\n`
}

function files(chapter, site) {
  if (!chapter.files.length) return ''
  chapter.headings.push({level: 2, id: 'source', title: 'The source'})
  const items = chapter.files.filter(({file}) => site.sources.has(file)).map(({file, question}) => {
    const page = site.sources.get(file)
    return `<li data-file="${file}"><a href="src/${file}.html"><code>${file}</code></a> <span class="lines">${plural(page.lines, 'line')}</span><br>${site.markdown.renderInline(question, environment(chapter, site, 1))}</li>\n`
  })
  return `<section class="files">\n<h2 id="source">The source</h2>\n<ol>${items.join('')}</ol>\n<p class="ledger"></p>\n</section>\n`
}
