// # The whole site: read, woven, checked, written
import {join} from 'node:path'
import {Cache} from './cache.mjs'
import {chapterMain} from './chapter-page.mjs'
import {readChapter, weaveChapter} from './chapter.mjs'
import {checkBooks, checkLinks, checkPage} from './checks.mjs'
import {Highlighter} from './code.mjs'
import {refuseUnused} from './figures.mjs'
import {makeMarkdown} from './markdown.mjs'
import {frame} from './page.mjs'
import {liveScripts, readExercises} from './parts.mjs'
import {otherPages} from './pages.mjs'
import {checkRuns} from './runs.mjs'
import {sourcePage} from './source-page.mjs'
import {measure} from './times.mjs'
import {Report, Tree} from './tree.mjs'
import {Output, writeAssets} from './output.mjs'

// `alter` is for tests: it may change a woven page before it is checked.
export async function weave({root, build, out, packages, alter = page => page, cacheName = 'cache.json'}) {
  const cache = new Cache(join(build, 'docs', cacheName))
  const site = {
    root, build, packages, cache, tree: new Tree(root), report: new Report(),
    highlighter: new Highlighter(packages.shiki, cache),
    prose: makeMarkdown(packages, {math: false}), markdown: makeMarkdown(packages, {math: true}),
    figuresUsed: new Set(), lives: new Map(),
  }
  readCourse(site)
  const pages = await weavePages(site)
  for (const page of pages) alter(page, site)
  checkBooks(site)
  for (const page of pages) checkPage(page, site)
  checkLinks(pages, site)
  refuseUnused(site)
  await checkRuns(site)
  if (site.report.problems.length) return cache.save(), {report: site.report, written: 0, pages: pages.length}
  const output = new Output(out)
  for (const page of pages) output.write(page.path, frame(page, site))
  await writeAssets(output, pages, site)
  output.clean()
  cache.save()
  return {report: site.report, written: output.written, pages: pages.length}
}

// Chapters and exercises, and which files have a page.
function readCourse(site) {
  const {tree} = site
  site.chapters = tree.list('docs/chapters', /^\d+-.*\.md$/).map(file => readChapter(file, site))
    .sort((a, b) => a.number - b.number)
  const listed = site.chapters.flatMap(({files}) => files.map(({file}) => file)).filter(file => tree.isFile(file))
  site.library = tree.libraryFiles()
  site.recipes = tree.list('examples/recipes', /\.cpp$/)
  site.files = [...new Set([...listed, ...site.library, ...site.recipes])]
  const shown = new Set(site.files)
  site.hasPage = file => shown.has(file)
  site.chapterOf = file => site.chapters.find(({files}) => files.some(entry => entry.file === file))
  // Headers that the build makes, such as those of embedded files, have no source.
  site.generated = path => /(^|\/)assets\.h$/.test(path)
  site.exercises = readExercises(site)
}

async function weavePages(site) {
  site.sources = new Map()
  for (const file of site.files) {
    const page = await sourcePage(file, site)
    page.chapter = site.chapterOf(file)?.number
    site.sources.set(file, page)
  }
  for (const chapter of site.chapters) await weaveChapter(chapter, site)
  for (const chapter of site.chapters) measure(chapter, site)
  for (const chapter of site.chapters) {
    chapter.main = chapterMain(chapter, site)
    chapter.scripts = liveScripts(chapter.lives)
  }
  const sources = [...site.sources.values()]
  neighbours(site.chapters)
  neighbours(sources)
  return [...otherPages(site), ...site.chapters, ...sources]
}

function neighbours(pages) {
  pages.forEach((page, i) => {
    page.previous = pages[i - 1]
    page.next = pages[i + 1]
  })
}
