// # The frame around every page
import {escapeHtml} from './text.mjs'

const policy = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; font-src data:; img-src 'self' data:"

export function frame(page, site) {
  const {up} = page
  const styles = ['fonts', 'code', 'site', ...(page.math ? ['katex'] : [])]
  const scripts = (page.scripts ?? []).map(src => `<script src="${up}${src}" defer></script>\n`).join('')
  const chapter = page.chapter === undefined ? '' : ` data-chapter="${page.chapter}"`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(page.title)} · glassgrad</title>
${styles.map(name => `<link rel="stylesheet" href="${up}assets/${name}.css">\n`).join('')}<script src="${up}assets/site.js"></script>
${scripts}</head>
<body class="page" data-kind="${page.kind}"${chapter} data-root="${up}" data-path="${page.path}">
<a class="skip" href="#main">Skip to the text</a>
<header class="top">
<a class="home" href="${up}index.html">glassgrad</a>
<form class="search" role="search"><label for="search" class="unseen">Search</label><input id="search" type="search" placeholder="Search  /" autocomplete="off"></form>
<button id="text-size" type="button" aria-label="Text size">A</button>
<button id="theme" type="button" aria-label="Light or dark">◐</button>
${neighbours(page, site)}</header>
<nav class="contents" aria-label="Contents">
${contents(page, site)}</nav>
<main id="main" class="${page.kind}" tabindex="-1">
${page.main}</main>
</body>
</html>
`
}

function neighbours({previous, next, up}) {
  const link = (target, kind, sign) => target
    ? `<a class="${kind}" rel="${kind === 'previous' ? 'prev' : 'next'}" href="${up}${target.path}" title="${escapeHtml(target.title)}" aria-label="${kind === 'previous' ? 'Previous' : 'Next'}: ${escapeHtml(target.title)}">${sign}</a>`
    : ''
  return `<nav class="neighbours" aria-label="Neighbours">${link(previous, 'previous', '←')}${link(next, 'next', '→')}</nav>\n`
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
