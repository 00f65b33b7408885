// # Fonts, as data inside style sheets
//
// A browser may treat each file of a folder as an origin of its own, and then refuses fonts from files.
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

const faces = [
  ['@fontsource-variable/source-serif-4', 'wght.css'], ['@fontsource-variable/source-serif-4', 'wght-italic.css'],
  ['@fontsource-variable/inter', 'wght.css'], ['@fontsource-variable/jetbrains-mono', 'wght.css'],
]
// What these lack (ᵀ ⱼ ⊙ ⁿ √ │ …) is drawn by faces that have most signs of mathematics.
const fallbacks = {'Glass Serif': 'dejavu-serif', 'Glass Sans': 'dejavu-sans', 'Glass Mono': 'dejavu-mono'}
const subsets = ['latin', 'latin-ext', 'greek', 'vietnamese']  // the last one has accents that stand alone

const inlined = (css, folder) => css.replace(/url\(([^)]+)\)/g, (all, url) => {
  const path = url.replace(/^['"]|['"]$/g, '')
  if (!path.endsWith('.woff2')) return all
  return `url(data:font/woff2;base64,${readFileSync(join(folder, path)).toString('base64')})`
})

export function fontSheets({packages, cache}) {
  const names = [...faces.map(([name]) => name), ...Object.values(fallbacks).map(name => `@fontsource/${name}`), 'katex']
  const versions = names.map(name => packages.versionOf(name)).join(' ')
  const known = cache.get(`fonts-${versions}`)
  if (known) return known
  const sheets = {fonts: fontSheet(packages), katex: katexSheet(packages)}
  cache.set(`fonts-${versions}`, sheets)
  return sheets
}

const fallbackFace = ([family, name], folderOf) => inlined(`@font-face {
  font-family: '${family}';
  font-style: normal;
  font-weight: 400;
  src: url(files/${name}-latin-400-normal.woff2) format('woff2');
}
`, folderOf(`@fontsource/${name}`))

function fontSheet({folderOf}) {
  const rules = faces.map(([name, sheet]) => {
    const folder = folderOf(name)
    const parts = readFileSync(join(folder, sheet), 'utf8').split(/(?=\/\*)/)
    return parts.filter(rule => subsets.some(subset => new RegExp(`^/\\* [\\w-]+-${subset}-(wght|standard|opsz)`).test(rule) && !/-(cyrillic|greek)-ext-/.test(rule)))
      .map(rule => inlined(rule, folder)).join('')
  })
  return [...rules, ...Object.entries(fallbacks).map(entry => fallbackFace(entry, folderOf))].join('\n')
}

function katexSheet({folderOf}) {
  const folder = join(folderOf('katex'), 'dist')
  // KaTeX names each font three times; every browser of today reads the first, woff2.
  const css = readFileSync(join(folder, 'katex.min.css'), 'utf8')
  return inlined(css.replace(/,url\([^)]+\.(woff|ttf)\) format\("[^"]+"\)/g, ''), folder)
}
