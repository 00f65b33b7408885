// # Writes outputs and stamps of the chapters from runs: docs/refresh NAME|NUMBER|runs|all
import {readFileSync, writeFileSync} from 'node:fs'
import {join, resolve} from 'node:path'
import {spawnSync} from 'node:child_process'
import {difference, sameLine} from './compare.mjs'
import {cutOutput, programOf} from './program.mjs'
import {inBuild, runProgram, runShell} from './runs.mjs'
import {runsOf, scanChapter} from './scan.mjs'
import {commandOf, fromOf, stampOf} from './stamp.mjs'
import {Tree} from './tree.mjs'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const [what, build = join(root, 'build')] = process.argv.slice(2)
const tree = new Tree(root)
let found = 0

for (const file of tree.list('docs/chapters', /^\d+-.*\.md$/)) {
  const number = /\/(\d+)-/.exec(file)[1]
  const text = tree.read(file), lines = text.split('\n')
  const runs = runsOf(scanChapter(text).nodes)
  const wanted = runs.filter(({kind, fence}) => kind === 'recorded'
    ? what === 'all' || what === fence.attrs.recorded
    : kind !== 'outside' && ['all', 'runs', number].includes(what))
  found += wanted.length
  const outputs = wanted.some(({kind}) => kind === 'program') ? programOutputs(runs, file, number) : []
  // From the last one on, so that earlier line numbers stay true.
  for (const run of wanted.reverse()) rewrite(lines, run, outputs)
  if (lines.join('\n') !== text) writeAndShow(file, lines.join('\n'))
}
if (!found) {
  console.error(`refresh: no run is called "${what}"; give the name of a recorded run, a chapter's number, "runs" (all that are not recorded) or "all"`)
  process.exitCode = 1
}

function programOutputs(runs, file, number) {
  const {hash, outputs} = cutOutput(runProgram(join(build, 'docs', `docs_runs_${number}`), root))
  if (hash !== programOf(runs, file).hash) throw new Error(`refresh: docs_runs_${number} is not built from ${file} as it is`)
  return outputs
}

function rewrite(lines, run, outputs) {
  const {fence, kind, output} = run
  if (kind === 'program' && !output) return
  if (kind === 'recorded') console.log(`running: ${commandOf(fence)}`)
  const text = kind === 'program' ? outputs[run.index] ?? '' : runShell(inBuild(commandOf(fence), build), root, kind === 'recorded' ? 36_000 : 60)
  const actual = text.replace(/\s+$/, '').split('\n').map(line => line.trimEnd())
  const loose = output?.words.includes('loose')
  if (!output) lines.splice(fence.end, 0, '```output', ...actual, '```')
  else if (kind === 'recorded' || difference(output.body, actual, loose))
    lines.splice(output.line, output.body.length, ...elide(output.body, actual))
  if (kind === 'recorded') stamp(lines, fence)
}

function stamp(lines, fence) {
  const value = stampOf(commandOf(fence), fromOf(fence), tree)
  const line = lines[fence.line - 1].replace(/\s+stamp=\S*/, '')
  lines[fence.line - 1] = `${line} stamp=${value}`
}

// Leaves out of the new output what the old one left out: each "…" keeps its place between lines that
// look alike but for their numbers.
function elide(old, actual) {
  if (!old.some(line => line.trim() === '…')) return actual
  const result = []
  let from = 0
  const parts = old.join('\n').split(/^\s*…\s*$/m).map(part => part.split('\n').filter(line => line.trim()))
  parts.forEach((part, i) => {
    if (i) result.push('…')
    if (!part.length) return
    const last = i === parts.length - 1
    const at = i === 0 ? 0 : last ? Math.max(from, actual.length - part.length) : actual.findIndex((line, n) => n >= from && sameLine(part[0], line, true))
    if (at < 0) return
    result.push(...actual.slice(at, at + part.length))
    from = at + part.length
  })
  return result
}

function writeAndShow(file, text) {
  const path = join(root, file)
  const {stdout} = spawnSync('diff', ['-u', '--label', file, '--label', `${file} (refreshed)`, path, '-'], {input: text, encoding: 'utf8'})
  writeFileSync(path, text)
  console.log(stdout)
}
