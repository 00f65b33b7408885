// # The pages that are no chapter and no source
import {escapeHtml, uniqueIds} from './text.mjs'
import {timesText} from './times.mjs'

const blank = (path, kind, title) => ({path, kind, title, up: '', links: [], headings: [], id: uniqueIds(), text: ''})

export function otherPages(site) {
  return [indexPage(site)]
}

function indexPage(site) {
  const page = blank('index.html', 'index', 'How does a program know which way is better?')
  const chapters = site.chapters.map(({number, title, question, path, times}) =>
    `<li data-chapter="${number}"><a href="${path}"><span class="number">${number}</span> <span class="title">${escapeHtml(title)}</span></a><p>${escapeHtml(question)}</p><p class="times">${timesText(times)}</p></li>\n`)
  page.main = `<h1>${page.title}</h1>\n<p class="stopped" hidden></p>\n<ol class="map" start="0">${chapters.join('')}</ol>\n<p class="ledger"></p>\n`
  return page
}
