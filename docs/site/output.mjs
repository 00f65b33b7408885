// # Files of the site: written only if they differ
import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fontSheets} from './fonts.mjs'
import {searchScript} from './search.mjs'

export class Output {
  constructor(folder) {
    this.folder = folder
    this.kept = new Set()
    this.written = 0
  }

  write(path, content) {
    const full = join(this.folder, path)
    this.kept.add(path)
    if (existsSync(full) && readFileSync(full, 'utf8') === content) return
    mkdirSync(dirname(full), {recursive: true})
    writeFileSync(full, content)
    ++this.written
  }

  // Pages of files that are gone.
  clean(below = '') {
    for (const name of readdirSync(join(this.folder, below))) {
      const path = below ? `${below}/${name}` : name
      if (statSync(join(this.folder, path)).isDirectory()) this.clean(path)
      else if (!this.kept.has(path)) rmSync(join(this.folder, path))
    }
  }
}

export async function writeAssets(output, pages, site) {
  for (const path of site.tree.list('docs/site/assets', /\.(css|js)$/)) output.write(`assets/${path.split('/').at(-1)}`, site.tree.read(path))
  output.write('assets/code.css', site.highlighter.css())
  for (const [name, sheet] of Object.entries(fontSheets(site))) output.write(`assets/${name}.css`, sheet)
  output.write('assets/book.js', bookScript(site))
  output.write('assets/search.js', await searchScript(pages, site))
  if (site.lives.size) output.write('live/shared.js', site.tree.read('docs/site/live/shared.js'))
  for (const [name, data] of site.lives) {
    output.write(`live/${name}.js`, site.tree.read(`docs/site/live/${name}.js`))
    output.write(`live/${name}.data.js`, `(window.glassgrad_live ??= {})[${JSON.stringify(name)}] = ${JSON.stringify(data)}\n`)
  }
}

// What the pages count with: lines of each file of the library, and titles of the chapters.
function bookScript(site) {
  const lines = Object.fromEntries(site.library.map(file => [file, site.sources.get(file).lines]))
  const chapters = site.chapters.map(({number, title, path, files}) => ({number, title, path, files: files.map(({file}) => file)}))
  return `window.glassBook = ${JSON.stringify({lines, chapters})}\n`
}
