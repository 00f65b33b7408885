// # A small book that the weaver accepts, for the tests of its refusals
//
// It has two files of the library, as they are, and a third one of its own; and a chapter with one block of each kind. Its build
// folder holds what programs would have made.
import {chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {programOf} from './program.mjs'
import {runsOf, scanChapter} from './scan.mjs'
import {commandOf, fromOf, stampOf} from './stamp.mjs'
import {Tree} from './tree.mjs'

export const chapterFile = 'docs/chapters/0-small.md'

const chapter = `---
number: 0
title: A small chapter
question: Does the weaver accept it?
objectives:
  - "multiply: prediction 0.1"
files:
  - tensor/real.h: What is a number?
  - tensor/error.h: What does an error say?
  - tensor/shape.h: What is a shape?
  - examples/small.cpp: What is an example?
symbols:
  - '\\bar v': the gradient of v
  - 'n': a count
---

A **shape** has sizes, as \`tensor/shape.h\` says. See [below](#below), and [line 12](src/tensor/shape.h.html#L12).

## Below {#below}

For each value the gradient is $\\bar v$, and the sum of all is

$$\\sum_{n=1}^{3} \\bar v = 6.$$

\`\`\`cpp quote=tensor/shape.h
inline constexpr Index max_rank = 8;
\`\`\`

\`\`\`cpp run=f64
fmt::print("{:.3f}\\n", 2.0 / 3);
\`\`\`
\`\`\`output
0.667
\`\`\`

\`\`\`sh run
printf 'one\\ntwo 3\\nfour\\n'
\`\`\`
\`\`\`output
one
…
four
\`\`\`

\`\`\`sh recorded=long from=tensor/real.h,tensor/error.h stamp=00000000
build/examples/long
\`\`\`
\`\`\`output
It took long.
\`\`\`

:::predict 0.1 What is two times three?
- 5
- 6 *
---
The program says it.

\`\`\`cpp run=f64
fmt::print("{}\\n", 2 * 3);
\`\`\`
\`\`\`output
6
\`\`\`
:::

:::figure chapter-0/line
caption: A line.
alt: A straight line from left to right.
:::
:::live counter
:::
:::exercise 0.1
:::
:::break add: the sign is lost
:::
:::recall
- What is a shape? || Up to eight sizes.
:::
`

const example = `// # A small example
//
// It includes what it needs.
#include "tensor/shape.h"
`

export class SmallBook {
  constructor(source, folder) {
    this.root = join(folder, 'book')
    this.build = join(folder, 'book-build')
    this.out = join(folder, 'book-site')
    this.source = source
  }

  // Writes the book anew, as the weaver accepts it.
  write() {
    rmSync(this.root, {recursive: true, force: true})
    for (const path of ['tensor/error.h', 'tensor/shape.h', 'docs/site/assets']) {
      mkdirSync(dirname(join(this.root, path)), {recursive: true})
      cpSync(join(this.source, path), join(this.root, path), {recursive: true})
    }
    this.put('tensor/real.h', '// # Numbers\nnamespace glass {\nusing Index = long;\n}\n')
    this.put('examples/small.cpp', example)
    this.put('tests/mutants/mutants.txt', '= add: the sign is lost\n')
    this.put('docs/exercises/0.1_sum/exercise.json', '{"title": "A sum", "minutes": 20}')
    this.put('docs/exercises/0.1_sum/task.md', 'Write the sum.\n')
    this.put('docs/exercises/0.1_sum/hints.md', 'One.\n\n---\n\nTwo.\n\n---\n\nThree.\n')
    for (const name of ['counter', 'shared']) this.put(`docs/site/live/${name}.js`, '')
    this.put(chapterFile, stamped(chapter, new Tree(this.root)))
    this.writeBuild()
  }

  writeBuild() {
    const runs = runsOf(scanChapter(this.get(chapterFile)).nodes), {hash} = programOf(runs, chapterFile)
    rmSync(join(this.build, 'docs', 'figures'), {recursive: true, force: true})
    this.make('docs/docs_runs_0', `#!/bin/sh\nprintf '\\036${hash}\\n\\036#0\\n0.667\\n\\036#1\\n6\\n'\n`)
    chmodSync(join(this.build, 'docs/docs_runs_0'), 0o755)
    this.make('docs/figures/chapter-0/line.svg', '<svg viewBox="0 0 9 9"><title>line</title></svg>\n')
    this.make('docs/live/counter.json', '{"first": {"request": {}, "answer": {"sentence": "It counts."}}, "states": []}')
  }

  get(path) {
    return readFileSync(join(this.root, path), 'utf8')
  }

  put(path, text) {
    write(join(this.root, path), text)
  }

  make(path, text) {
    write(join(this.build, path), text)
  }

  // Replaces a text, which must occur once, so that a test that changes nothing is an error.
  edit(path, before, after) {
    const text = this.get(path)
    if (text.split(before).length !== 2) throw new Error(`tamper: "${before}" does not occur once in ${path}`)
    this.put(path, text.replace(before, () => after))
  }
}

function write(path, text) {
  mkdirSync(dirname(path), {recursive: true})
  writeFileSync(path, text)
}

function stamped(text, tree) {
  const {fence} = runsOf(scanChapter(text).nodes).find(({kind}) => kind === 'recorded')
  return text.replace('stamp=00000000', `stamp=${stampOf(commandOf(fence), fromOf(fence), tree)}`)
}
