// # Does the weaver refuse what it must? node docs/site/tamper.mjs --root . --build build
//
// A small book is accepted first. Then it is changed in one place at a time, and each change must be
// refused: in the file that is wrong, with the sentence that says so, and with no other.
import {join, resolve} from 'node:path'
import './compare-test.mjs'
import {loadPackages} from './packages.mjs'
import {weave} from './site.mjs'
import {chapterFile, SmallBook} from './small-book.mjs'

const chapter = (before, after) => book => book.edit(chapterFile, before, after)
const shape = 'tensor/shape.h'

// What is wrong, how it comes about, in which file, and a part of the sentence.
const cases = [
  ['a file of the library in no chapter', book => book.put('tensor/extra.h', '// # Extra\n'), 'tensor/extra.h', 'stands in no chapter'],
  ['a file of the library in two chapters', book => book.put('docs/chapters/1-more.md', '---\nnumber: 1\ntitle: More\nquestion: Why?\nfiles:\n  - tensor/real.h: Again?\n---\n'), 'tensor/real.h', 'stands in 2 chapters: 0 and 1'],
  ['a chapter that lists a file which is not there', chapter('tensor/shape.h: What is a shape?\n', 'tensor/shape.h: What is a shape?\n  - examples/gone.cpp: Where is it?\n'), chapterFile, 'lists examples/gone.cpp, but there is no such file'],
  ['a source file without a title', book => book.edit('examples/small.cpp', '// # A small example', '// A small example'), 'examples/small.cpp', 'begins with its title'],
  ['a page that loses a line of code', {alter: loses(/<span class="line" id="L20">.*\n/)}, shape, 'The page does not show line 20'],
  ['a page that changes a line of code', {alter: loses(/max_rank/)}, shape, 'The page does not show line'],
  ['a page that loses a line of prose', {alter: loses(/strides say how many/)}, shape, 'does not show the words of lines 1 to'],
  ['a page that loses a section', {alter: loses(/<section class="row"[^]*?<\/section>\n/)}, shape, 'The page does not show', 'several'],
  ['31 lines of code without prose', book => book.edit('examples/small.cpp', '#include "tensor/shape.h"\n', 'int x;\n'.repeat(31)), 'examples/small.cpp', '31 lines of code without a word of prose'],
  ['an #include to nowhere', book => book.edit('examples/small.cpp', 'tensor/shape.h', 'tensor/shapes.h'), 'examples/small.cpp', 'includes "tensor/shapes.h", but there is no such file'],
  ['a comment that names a file which is not there', book => book.edit('examples/small.cpp', 'what it needs', 'tensor/gone.h'), 'examples/small.cpp', 'names tensor/gone.h, but there is no such file'],
  ['a dead link', chapter('(src/tensor/shape.h.html#L12)', '(src/tensor/gone.h.html)'), chapterFile, 'the site has no page src/tensor/gone.h.html'],
  ['a dead anchor', chapter('(#below)', '(#above)'), chapterFile, 'this page has no anchor "above"'],
  ['a dead line of a source page', chapter('#L12)', '#L999)'), chapterFile, 'src/tensor/shape.h.html has no anchor "L999"'],
  ['a missing figure', chapter(':::figure chapter-0/line', ':::figure chapter-0/circle'), chapterFile, 'The figure "chapter-0/circle" is missing', 'several'],
  ['an unused figure', book => book.make('docs/figures/chapter-0/spare.svg', '<svg/>'), 'docs/figures/chapter_0.cpp', '"chapter-0/spare" is drawn, but no chapter shows it'],
  ['a figure without a text', chapter('alt: A straight line from left to right.\n', ''), chapterFile, 'has no line "alt: …"'],
  ['a formula that does not parse', chapter('$\\bar v$', '$\\frac{1}{$'), chapterFile, 'is not TeX that KaTeX can read'],
  ['a symbol that is not defined', chapter('$\\bar v$', '$\\bar v w$'), chapterFile, 'uses the symbol w, which the front matter'],
  ['a bar over a symbol that is not defined', chapter('$\\bar v$', '$\\bar x$'), chapterFile, 'uses the symbol \\bar x'],
  ['a formula at the head of a section', chapter('For each value the gradient is $\\bar v$, and the sum of all is\n', ''), chapterFile, 'begins with a formula'],
  ['a changed line in a quotation', chapter('max_rank = 8;', 'max_rank = 9;'), chapterFile, 'do not stand in tensor/shape.h'],
  ['a quotation that fits twice', chapter('inline constexpr Index max_rank = 8;', ''), chapterFile, 'stand in tensor/shape.h', 'several'],
  ['a quotation of a file that is not there', chapter('quote=tensor/shape.h', 'quote=tensor/gone.h'), chapterFile, 'quotes tensor/gone.h, but there is no such file'],
  ['a wrong output of C++', chapter('0.667', '0.669'), chapterFile, 'says "0.669", but the run gives "0.667"'],
  ['a wrong output of a command', chapter('…\nfour', '…\nfive'), chapterFile, 'says "five", but the run gives'],
  ['a command that prints more', chapter('…\nfour', 'two 3'), chapterFile, 'says nothing more, but the run gives "four"'],
  ['a program of other code', chapter('2.0 / 3', '4.0 / 6'), chapterFile, 'was built from other code'],
  ['a recorded run whose code has changed', book => book.edit('tensor/real.h', 'namespace glass {', 'namespace glass { class Other;'), chapterFile, '"long" is stale'],
  ['a recorded run whose command has changed', chapter('build/examples/long', 'build/examples/long --seed 2'), chapterFile, '"long" is stale'],
  ['a prediction whose answer no run gives', chapter('- 5\n- 6 *', '- 5 *\n- 6'), chapterFile, 'The right answer "5" does not stand in the output'],
  ['a prediction with two right answers', chapter('- 5\n', '- 5 *\n'), chapterFile, 'one of them marked'],
  ['an objective that nothing answers', chapter('multiply: prediction 0.1', 'multiply'), chapterFile, 'names no exercise and no prediction'],
  ['an objective whose prediction is not there', chapter('multiply: prediction 0.1', 'multiply: prediction 0.7'), chapterFile, 'names prediction 0.7, which is not'],
  ['a live piece that is not there', chapter(':::live counter', ':::live clock'), chapterFile, 'The live piece "clock" is missing'],
  ['an exercise that is not there', chapter(':::exercise 0.1', ':::exercise 0.7'), chapterFile, 'There is no exercise 0.7'],
  ['a mutant that is not there', chapter(':::break add: the sign is lost', ':::break add: nothing is lost'), chapterFile, 'has no mutant "add: nothing is lost"'],
  ['a block that is not known', chapter(':::live counter', ':::movie counter'), chapterFile, 'There is no block "movie"'],
  ['a block that does not end', chapter('Up to eight sizes.\n:::\n', 'Up to eight sizes.\n'), chapterFile, 'ends this block "recall"'],
  ['a story of more than 35 minutes', chapter('A **shape** has', 'word '.repeat(7100) + 'A **shape** has'), chapterFile, 'minutes to read; a chapter has at most 35'],
]

// Takes a text out of the page of shape.h, which a fault of the weaver might lose.
function loses(pattern) {
  return page => {
    if (page.source !== shape) return
    const before = page.main
    page.main = before.replace(pattern, '')
    if (page.main === before) throw new Error(`tamper: the page has no ${pattern}`)
  }
}

async function refusals([name, change, file, sentence, several], book, packages) {
  book.write()
  if (typeof change === 'function') change(book)
  const {report: {problems}} = await weave({...book, packages, alter: change.alter})
  const right = problems.filter(problem => problem.file === file && problem.sentence.includes(sentence))
  if (right.length && (several || problems.length === 1)) return []
  return [`${name}: expected ${file} with "…${sentence}…", got`, ...problems.map(p => `    ${p.file}:${p.line}: ${p.sentence}`),
    ...(problems.length ? [] : ['    no refusal'])]
}

const argument = (name, otherwise) => resolve(process.argv[process.argv.indexOf(name) + 1 || Infinity] ?? otherwise)
const root = argument('--root', '.'), build = argument('--build', 'build')
const packages = await loadPackages(build)
const book = new SmallBook(root, join(build, 'docs', 'tamper'))
book.write()
const accepted = await weave({...book, packages})
const faults = accepted.report.problems.length ? ['the small book is refused as it is:', accepted.report.text()] : []
for (const each of cases) faults.push(...await refusals(each, book, packages))
if (faults.length) {
  console.error(faults.join('\n'))
  process.exitCode = 1
} else console.log(`tamper: ${cases.length} tampered books, each refused with its sentence`)
