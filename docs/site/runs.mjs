// # Runs: is every output of a chapter what its code prints?
import {spawnSync} from 'node:child_process'
import {existsSync, statSync} from 'node:fs'
import {join} from 'node:path'
import {difference} from './compare.mjs'
import {cutOutput, programOf} from './program.mjs'
import {runsOf} from './scan.mjs'
import {commandOf, fromOf, stampOf} from './stamp.mjs'
import {sha256} from './tree.mjs'

export async function checkRuns(site) {
  for (const chapter of site.chapters) {
    const runs = runsOf(chapter.scan.nodes)
    const outputs = programOutputs(chapter, runs, site)
    for (const run of runs) {
      if (run.kind === 'program' && run.output && outputs) compare(chapter, run, outputs[run.index] ?? '', site)
      if (run.kind === 'command') checkCommand(chapter, run, site)
      if (run.kind === 'recorded') checkStamp(chapter, run, site)
    }
  }
}

// ---- the chapter's program ----

function programOutputs(chapter, runs, site) {
  const program = programOf(runs, chapter.file)
  if (!program) return undefined
  const first = runs.find(({kind}) => kind === 'program' || kind === 'outside').fence
  const name = `docs_runs_${chapter.number}`
  const refuse = sentence => site.report.refuse(chapter.file, first.line, sentence)
  const path = join(site.build, 'docs', name)
  if (!existsSync(path)) return refuse(`The program ${name} is not built; build the target docs.`), undefined
  const key = `program-${program.hash}-${versionOf(path)}`
  const text = site.cache.get(key) ?? runProgram(path, site.root)
  site.cache.set(key, text)
  const {hash, outputs} = cutOutput(text)
  if (hash !== program.hash) return refuse(`The program ${name} was built from other code than stands here; build the target docs.`), undefined
  return outputs
}

const versionOf = path => {
  const {size, mtimeMs} = statSync(path)
  return `${size}-${Math.round(mtimeMs)}`
}

export const runProgram = (path, root) => runShell(`"${path}"`, root)

// What a command prints, on both streams. Only a recorded run may take longer than a minute.
export const runShell = (command, root) => shellResult(command, root).text

export function shellResult(command, root, seconds = 60) {
  const env = {...process.env, LC_ALL: 'C.UTF-8', NO_COLOR: '1', TERM: 'dumb', COLUMNS: '100'}
  const {stdout, signal, status} = spawnSync('bash', ['-c', `exec 2>&1\n${command}`], {cwd: root, env, timeout: 1000 * seconds, maxBuffer: 1 << 28, encoding: 'utf8'})
  return {status, text: stdout + (signal ? `\n(ended by ${signal}: a run has ${seconds} s)\n` : '')}
}

// ---- commands ----

// The chapter writes build/…; the build folder may be another one, with a space in its path.
export const inBuild = (command, build) => command.replace(/(^|[\s"'=(])build\//gm,
  (all, before) => `${before}${/["']/.test(before) ? build : `'${build.replace(/'/g, `'\\''`)}'`}/`)

export function outputOfCommand(run, site) {
  const written = commandOf(run.fence), command = inBuild(written, site.build)
  const programs = [...written.matchAll(/\bbuild\/[\w./-]+/g)].map(([path]) => join(site.build, path.slice(6)))
  const key = `command-${sha256(command)}-${programs.filter(existsSync).map(versionOf).join('-')}`
  const text = site.cache.get(key) ?? runShell(command, site.root)
  site.cache.set(key, text)
  return text
}

function checkCommand(chapter, run, site) {
  for (const [path] of commandOf(run.fence).matchAll(/\bbuild\/examples\/\w+/g))
    if (!existsSync(join(site.build, path.slice(6))))
      return site.report.refuse(chapter.file, run.fence.line, `The program ${path} is not built; build the target docs, with GLASS_EXAMPLES=ON.`)
  if (run.output) compare(chapter, run, outputOfCommand(run, site), site)
  else site.report.refuse(chapter.file, run.fence.line, 'A command that runs needs its output: a fence "```output" behind it.')
}

function compare(chapter, run, text, site) {
  const found = difference(run.output.body, text.split('\n'), run.output.words.includes('loose'))
  if (!found) return
  const said = value => value === undefined ? 'nothing more' : `"${value.trim()}"`
  site.report.refuse(chapter.file, run.output.line + 1 + found.index,
    `The output here says ${said(found.expected)}, but the run gives ${said(found.actual)}; docs/refresh ${chapter.number} writes what the run gives.`)
}

// ---- recorded runs ----

function checkStamp(chapter, run, site) {
  const {fence} = run, name = fence.attrs.recorded
  const refuse = sentence => site.report.refuse(chapter.file, fence.line, sentence)
  const from = fromOf(fence)
  if (!from.length) return refuse(`The recorded run "${name}" does not say from=…: which files it depends on.`)
  const missing = from.find(path => !existsSync(join(site.root, path)))
  if (missing) return refuse(`The recorded run "${name}" depends on ${missing}, which is not there.`)
  if (!run.output) return refuse(`The recorded run "${name}" has no output; docs/refresh ${name} writes it.`)
  if (fence.attrs.stamp !== stampOf(commandOf(fence), from, site.tree))
    refuse(`The recorded run "${name}" is stale: its command or its code has changed since. docs/refresh ${name} runs it again.`)
}
