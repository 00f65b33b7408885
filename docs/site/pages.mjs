// # The pages that are no chapter and no source: the first page, exercises, labs, recipes, colophon
import {formulaRenderer} from './symbols.mjs'
import {exerciseHtml, liveScripts, livePiece, mutantTitles} from './parts.mjs'
import {fences, runsOf} from './scan.mjs'
import {escapeHtml, plural, uniqueIds} from './text.mjs'
import {timesText} from './times.mjs'

export const otherPages = site => [indexPage(site), exercisesPage(site), labsPage(site), recipesPage(site), colophon(site)]

const page = (path, kind, title, more) =>
  ({path, kind, title, up: '', links: [], headings: [], id: uniqueIds(), text: '', ...more})

// ---- the first page ----

const evening = [0, 3, 6]

function indexPage(site) {
  const result = page('index.html', 'index', 'How does a program know which way is better?')
  const map = site.chapters.map(({number, title, question, path, times, isShort}) => `<li value="${number}" data-chapter="${number}"${isShort ? ' class="unwritten"' : ''}><a href="${path}"><span class="number">${number}</span> <span class="title">${escapeHtml(title)}</span></a>
<p class="question">${escapeHtml(question)}</p>
<p class="times">${isShort ? 'no text yet · ' : ''}${timesText(times)}</p></li>\n`)
  result.text = 'The map of the book, the evening path, where you stopped.'
  result.main = `<h1>${result.title}</h1>
<p class="lead">A program computes one number from a million others, and that number should become smaller. In which direction should each of the million numbers move? This book answers with a small C++ library, glassgrad, which you read from the first line to the last. At the end it learns to translate a sentence: <em>he never eats any small apples</em>, <em lang="fr">il ne mange jamais de petites pommes</em>.</p>
<p class="lead">You need linear algebra, calculus and C++. You need no machine learning.</p>
<p class="stopped" hidden></p>
${eveningPath(site)}<section class="chapters">
<h2 id="map">The ten chapters</h2>
<ol class="map">${map.join('')}</ol>
</section>
<p class="ledger"></p>
<p class="more"><a href="exercises.html">All exercises</a> · <a href="labs.html">All live pieces</a> · <a href="recipes.html">Ten recipes</a> · <a href="colophon.html">How this book proves itself</a></p>
`
  return result
}

function eveningPath(site) {
  const chapters = evening.map(number => site.chapters.find(chapter => chapter.number === number)).filter(chapter => chapter && !chapter.isShort)
  if (!chapters.length) return ''
  const total = chapters.reduce((sum, {times}) => sum + times.story + times.trying, 0)
  const steps = chapters.map(({number, title, path, times}) => `<li><a href="${path}">${number} · ${escapeHtml(title)}</a> <span class="times">${times.story + times.trying} min</span></li>`)
  return `<aside class="path" role="note" data-path="evening">
<h2 class="label" id="evening">An evening: about ${Math.round(total / 30) / 2} hours</h2>
<p>Read the stories of these chapters, look at their figures and answer their predictions. Leave the source and the exercises for another day.</p>
<ol>${steps.join('')}</ol>
</aside>
`
}

// ---- exercises ----

function exercisesPage(site) {
  const result = page('exercises.html', 'exercises', 'Exercises', {math: true})
  result.entries = [{title: result.title, href: result.path, text: 'All exercises with their hints.'}]
  const parts = []
  let last
  for (const exercise of site.exercises) {
    const number = Number(exercise.number.split('.')[0]), chapter = site.chapters.find(each => each.number === number)
    if (number !== last) {
      const title = `Chapter ${number}${chapter ? ` · ${chapter.title}` : ''}`, id = `chapter-${number}`
      parts.push(`<h2 id="${id}">${chapter ? `<a href="${chapter.path}">${escapeHtml(title)}</a>` : title}</h2>\n`)
      result.headings.push({level: 2, id, title})
      last = number
    }
    result.headings.push({level: 3, id: `exercise-${exercise.number}`, title: `${exercise.number} ${exercise.title}`})
    // The task may use the symbols of its chapter.
    result.formula = chapter && formulaRenderer({...chapter, file: exercise.folder}, site)
    parts.push(exerciseHtml(exercise, result, site, 3))
    result.entries.push({title: `Exercise ${exercise.number}`, head: exercise.title, href: `${result.path}#exercise-${exercise.number}`, text: exercise.task})
  }
  result.main = `<h1>${result.title}</h1>
<p class="lead">Each exercise replaces one function of the library by yours. The library's own tests judge it. The command <code>./learn</code> begins with the first one: it copies the starter into <code>mine/</code>, tests it each time you save, and shows a hint when you ask. Your status on this page is kept in this browser only.</p>
${parts.join('') || '<p>There are no exercises yet.</p>\n'}`
  return result
}

// ---- live pieces ----

function labsPage(site) {
  const names = [...new Set(site.chapters.flatMap(({lives}) => lives))]
  const result = page('labs.html', 'labs', 'Live pieces', {scripts: liveScripts(names), text: `All live pieces on one page: ${names.join(', ')}.`})
  const parts = names.map(name => {
    const chapter = site.chapters.find(({lives}) => lives.includes(name))
    const title = site.lives.get(name)?.title ?? name.replace(/-/g, ' ')
    result.headings.push({level: 2, id: `lab-${name}`, title})
    return `<h2 id="lab-${name}">${escapeHtml(title)}</h2>\n<p>From <a href="${chapter.path}#live-${name}">chapter ${chapter.number}</a>.</p>\n${livePiece(name, site, () => {})}`
  })
  result.main = `<h1>${result.title}</h1>\n<p class="lead">Here you change a number, and the library answers. All pieces of the chapters stand on this page, for those who come back.</p>\n${parts.join('') || '<p>There are no live pieces yet.</p>\n'}`
  return result
}

// ---- recipes ----

// A title, and the comment below it: what the program shows.
function recipesPage(site) {
  const result = page('recipes.html', 'recipes', 'Recipes', {text: 'Small programs to copy and to change.'})
  const parts = site.recipes.map(file => {
    const {title, path} = site.sources.get(file), id = result.id(title)
    const lines = site.tree.lines(file).slice(2), name = file.split('/').at(-1).replace('.cpp', '')
    const about = lines.slice(0, lines.findIndex(line => !/^\/\/ /.test(line))).map(line => line.slice(3)).join(' ')
    result.headings.push({level: 2, id, title})
    return `<h2 id="${id}"><a href="${path}">${escapeHtml(title)}</a></h2>\n<p>${escapeHtml(about)} <code>build/examples/recipes/${name}</code></p>\n`
  })
  result.main = `<h1>${result.title}</h1>
<p class="lead">A recipe is a program of at most 80 lines that you copy and change; its last line says what to change first. It prints a claim about its own result, and the tests check the claim.</p>
${parts.join('') || '<p>There are no recipes yet.</p>\n'}`
  return result
}

// ---- how the book proves itself ----

const counted = (count, one, many, rest) => count > 0 && `${count} ${count === 1 ? one : many} ${rest}`

function colophon(site) {
  const result = page('colophon.html', 'colophon', 'How this book proves itself')
  const runs = site.chapters.flatMap(({scan}) => runsOf(scan.nodes)), shown = kind => runs.filter(run => run.kind === kind && run.output).length
  const quotes = site.chapters.flatMap(({scan}) => [...fences(scan.nodes)]).filter(({attrs}) => attrs.quote).length
  const lines = site.library.reduce((sum, file) => sum + site.sources.get(file).lines, 0)
  const facts = [
    `The ${plural(site.library.length, 'file')} of the library, ${plural(lines, 'line')}, all have a page, and each page is rebuilt into its file and compared with it.`,
    'No file that a chapter lists has more than 30 lines of code in a row without a line of prose.',
    counted(quotes, 'piece of source is quoted', 'pieces of source are quoted', 'in the chapters. Each must stand in its file, once.'),
    counted(shown('program'), 'snippet of C++ was run', 'snippets of C++ were run', 'when this page was made, and what it printed was compared with the chapter.'),
    counted(shown('command'), 'command was run', 'commands were run', 'in the same way.'),
    counted(shown('recorded'), 'longer run carries', 'longer runs carry', 'a stamp of the code that it depends on. If that code changes, the book cannot be built until the run is made again.'),
    counted(site.figuresUsed.size, 'figure is drawn', 'figures are drawn', 'by a program that computes with the library: a number in a figure is a number of a run.'),
    'The right answer of a prediction stands in the output of a run.',
    'Every symbol of a formula is explained in its chapter, and every link, anchor and #include leads somewhere.',
  ].filter(Boolean)
  result.text = facts.join(' ')
  result.main = `<h1>${result.title}</h1>
<p class="lead">Prose and code drift apart unless something holds them together. This book is made from the source that runs, by a program that refuses to make it if one of these sentences is not true:</p>
<ul>${facts.map(fact => `<li>${fact}</li>`).join('\n')}</ul>
<p>Who checks the checkers? A test breaks each of these rules in a small book, one at a time, and demands that the book is refused. In the same way the library is broken in ${mutantTitles(site.tree).length} ways, one at a time, and its tests must notice each of them.</p>
<h2 id="kept-here">What this book keeps</h2>
<p>Your guesses, your status and the place where you stopped are kept in this browser. Nothing is sent anywhere.</p>
<section id="kept"></section>
<h2 id="type">Type and tools</h2>
<p>The text is set in Source Serif 4, headings in Inter, code in JetBrains Mono, and signs that these lack in DejaVu. Markdown is read by markdown-it, formulas are set by KaTeX, code is coloured by Shiki, and the search is MiniSearch.</p>
`
  return result
}
