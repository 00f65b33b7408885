// # Blocks that show what stands elsewhere: live pieces, exercises, broken copies of the library
import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {environment} from './blocks.mjs'
import {escapeHtml} from './text.mjs'

// ---- live pieces ----

export async function liveBlock(node, chapter, site) {
  const name = node.argument
  chapter.counts.live += 1
  const html = livePiece(name, site, sentence => site.report.refuse(chapter.file, node.line, sentence))
  if (html) chapter.lives.push(name)
  return html
}

export function livePiece(name, site, refuse) {
  const recorded = join(site.build, 'docs', 'live', `${name}.json`)
  if (!existsSync(recorded)) return refuse(`The live piece "${name}" is missing: docs_live has not written ${name}.json.`), ''
  const script = `docs/site/live/${name}.js`
  if (!site.tree.isFile(script)) return refuse(`The live piece "${name}" has no script ${script}.`), ''
  const data = JSON.parse(readFileSync(recorded, 'utf8'))
  site.lives.set(name, data)
  const sentence = data.first?.answer?.sentence ?? data.states?.[0]?.answer?.sentence ?? ''
  return `<section class="live" id="live-${name}" data-live="${name}" aria-label="${escapeHtml(data.title ?? name)}">
<p class="sentence">${escapeHtml(sentence)}</p>
</section>
`
}

// What the pieces share comes first.
export const liveScripts = names => names.length ? ['live/shared.js', ...names.flatMap(name => [`live/${name}.data.js`, `live/${name}.js`])] : []

// ---- exercises ----

export function readExercises(site) {
  return site.tree.list('docs/exercises', /^\d+\.\d+_/).map(folder => {
    const name = folder.split('/').at(-1)
    const read = file => site.tree.isFile(`${folder}/${file}`) ? site.tree.read(`${folder}/${file}`) : ''
    let fields = {}
    try {
      fields = JSON.parse(read('exercise.json') || '{}')
    } catch (error) {
      site.report.refuse(`${folder}/exercise.json`, 1, `This is not JSON: ${error.message}.`)
    }
    const task = read('task.md'), title = /^# (.+)$/m.exec(task)?.[1]
    const hints = read('hints.md').split(/^---$/m).map(hint => hint.trim()).filter(Boolean)
    return {folder, name, number: name.split('_')[0], fields, hints, task: task.replace(/^# .+\n+/, ''),
      taskLine: title ? task.split('\n').findIndex(line => line.startsWith('# ')) + 3 : 1,
      title: fields.title ?? title?.replace(/^\d+\.\d+\s*/, '') ?? name, minutes: fields.minutes ?? 30}
  })
}

export async function exerciseBlock(node, chapter, site) {
  const exercise = site.exercises.find(({number}) => number === node.argument)
  if (!exercise) return site.report.refuse(chapter.file, node.line, `There is no exercise ${node.argument} in docs/exercises.`), ''
  chapter.exercises.push(exercise.number)
  return exerciseHtml(exercise, chapter, site, 3)
}

// The task, and its hints one behind the other. The page keeps the status.
export function exerciseHtml(exercise, page, site, level) {
  const env = {...environment(page, site, exercise.taskLine), file: `${exercise.folder}/task.md`}
  const hints = exercise.hints.map((hint, i) => {
    const text = site.markdown.render(hint, {...env, file: `${exercise.folder}/hints.md`, line: 1})
    return `<details class="hint"><summary>Hint ${i + 1} of ${exercise.hints.length}</summary>${text}</details>\n`
  }).join('')
  return `<section class="exercise" id="exercise-${exercise.number}" data-exercise="${exercise.number}">
<h${level}>Exercise ${exercise.number}: ${escapeHtml(exercise.title)}</h${level}>
<p class="about">about ${exercise.minutes} minutes · <code>./learn ${exercise.number}</code></p>
${site.markdown.render(exercise.task, env)}<div class="hints">${hints}</div>
</section>
`
}

// ---- broken copies ----

export function mutantTitles(tree) {
  if (!tree.isFile('tests/mutants/mutants.txt')) return []
  return tree.lines('tests/mutants/mutants.txt').filter(line => line.startsWith('= ')).map(line => line.slice(2).trim())
}

export async function breakBlock(node, chapter, site) {
  const title = node.argument
  if (!mutantTitles(site.tree).includes(title))
    site.report.refuse(chapter.file, node.line, `tests/mutants/mutants.txt has no mutant "${title}".`)
  const text = node.body.map(([, line]) => line).join('\n')
  const html = text ? site.markdown.render(text, environment(chapter, site, node.body[0][0])) : ''
  return `<aside class="break" role="note">\n<p class="label">Break it</p>\n<p class="mutant">${escapeHtml(title)}</p>\n${html}</aside>\n`
}
