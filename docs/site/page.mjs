// # The frame around every page
import {escapeHtml} from './text.mjs'

export function frame(page, site) {
  const {up} = page
  const style = (name, media = '') => `<link rel="stylesheet" href="${up}assets/${name}.css"${media}>\n`
  const script = (path, how = ' defer') => `<script src="${up}${path}"${how}></script>\n`
  const styles = ['fonts', 'code', ...(page.math ? ['katex'] : []), 'site', 'parts', ...(page.scripts?.includes('live/shared.js') ? ['live'] : [])].map(name => style(name))
  const scripts = ['assets/book.js', 'assets/site.js', 'assets/find.js', 'assets/parts.js', ...(page.scripts ?? [])]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${site.tree.read('docs/site/assets/policy.txt').trim()}">
<title>${escapeHtml(page.title)} · glassgrad</title>
${styles.join('')}${style('print', ' media="print"')}${script('assets/theme.js', '')}${scripts.map(path => script(path)).join('')}</head>
<body class="page"${data(page)}>
<a class="skip" href="#main">Skip to the text</a>
<header class="top">
<a class="home" href="${up}index.html">glassgrad</a>
<form class="search" role="search"><label for="search" class="unseen">Search</label><input id="search" type="search" placeholder="Search  /" autocomplete="off"></form>
<button id="text-size" type="button" aria-label="Text size">A</button>
<button id="theme" type="button" aria-label="Light or dark">◐</button>
<nav class="neighbours" aria-label="Neighbours">${neighbours(page, '←', '→')}</nav>
</header>
<nav class="contents" aria-label="Contents">
${contents(page, site)}</nav>
<main id="main" class="${page.kind}" tabindex="-1">
${page.main}</main>
<footer class="bottom">
${neighbours(page)}<a class="colophon" href="${up}colophon.html">How this book proves itself</a>
</footer>
</body>
</html>
`
}

function data(page) {
  const values = {kind: page.kind, chapter: page.chapter, root: page.up, path: page.path, title: page.title, file: page.source}
  return Object.entries(values).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` data-${name}="${escapeHtml(String(value))}"`).join('')
}

// The pages before and after: as signs in the header, with their titles at the end.
function neighbours({previous, next, up}, ...signs) {
  return [[previous, 'previous', 'prev'], [next, 'next', 'next']].map(([target, kind, rel], i) => {
    if (!target) return ''
    const title = escapeHtml(target.title)
    const label = signs.length ? ` title="${title}" aria-label="${kind === 'previous' ? 'Previous' : 'Next'}: ${title}"` : ''
    return `<a class="${kind}" rel="${rel}" href="${up}${target.path}"${label}>${signs[i] ?? title}</a>\n`
  }).join('')
}

function contents(page, site) {
  const chapter = site.chapters.find(({number}) => number === page.chapter)
  const parts = []
  if (chapter) parts.push(`<p class="of"><a href="${page.up}${chapter.path}"${page.kind === 'chapter' ? ' aria-current="page"' : ''}>${chapter.number} · ${escapeHtml(chapter.title)}</a></p>\n`)
  const items = (page.headings ?? []).filter(({level}) => level > 1).map(({level, id, title}) =>
    `<li class="level${level}"><a href="#${id}">${escapeHtml(title)}</a></li>`)
  const here = items.length ? `<ol class="headings">${items.join('')}</ol>\n` : ''
  if (page.kind !== 'source') parts.push(here)
  if (chapter?.files.length) {
    const files = chapter.files.map(({file}) => file === page.source
      ? `<li><a href="#main" aria-current="page">${file}</a>${here}</li>`
      : `<li><a href="${page.up}src/${file}.html">${file}</a></li>`)
    parts.push(`<p class="group">Source</p>\n<ol class="files">${files.join('')}</ol>\n`)
  } else if (page.kind === 'source') parts.push(here)
  if (!chapter) parts.push(`<ol class="chapters">${site.chapters.map(({number, title, path}) =>
    `<li><a href="${page.up}${path}">${number} · ${escapeHtml(title)}</a></li>`).join('')}</ol>\n`)
  return parts.join('')
}
