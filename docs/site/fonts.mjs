// # Fonts, as data inside style sheets
//
// A browser may treat each file of a folder as an origin of its own, and then refuses fonts from files.
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

const faces = [
  ['@fontsource-variable/source-serif-4', 'wght.css'], ['@fontsource-variable/source-serif-4', 'wght-italic.css'],
  ['@fontsource-variable/inter', 'wght.css'], ['@fontsource-variable/jetbrains-mono', 'wght.css'],
]
const subsets = ['latin', 'latin-ext', 'greek', 'vietnamese']  // the last one has accents that stand alone

const inlined = (css, folder) => css.replace(/url\(([^)]+)\)/g, (all, url) => {
  const path = url.replace(/^['"]|['"]$/g, '')
  if (!path.endsWith('.woff2')) return all
  return `url(data:font/woff2;base64,${readFileSync(join(folder, path)).toString('base64')})`
})

export function fontSheets({packages, cache}) {
  const versions = [...faces.map(([name]) => name), 'katex'].map(name => packages.versionOf(name)).join(' ')
  const known = cache.get(`fonts-${versions}`)
  if (known) return known
  const sheets = {fonts: fontSheet(packages), katex: katexSheet(packages)}
  cache.set(`fonts-${versions}`, sheets)
  return sheets
}

function fontSheet({folderOf}) {
  return faces.map(([name, sheet]) => {
    const folder = folderOf(name)
    const rules = readFileSync(join(folder, sheet), 'utf8').split(/(?=\/\*)/)
    return rules.filter(rule => subsets.some(subset => new RegExp(`^/\\* [\\w-]+-${subset}-(wght|standard|opsz)`).test(rule) && !/-(cyrillic|greek)-ext-/.test(rule)))
      .map(rule => inlined(rule, folder)).join('')
  }).join('\n')
}

function katexSheet({folderOf}) {
  const folder = join(folderOf('katex'), 'dist')
  // KaTeX names each font three times; every browser of today reads the first, woff2.
  const css = readFileSync(join(folder, 'katex.min.css'), 'utf8')
  return inlined(css.replace(/,url\([^)]+\.(woff|ttf)\) format\("[^"]+"\)/g, ''), folder)
}
