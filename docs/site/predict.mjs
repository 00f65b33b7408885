// # Predictions: a question, choices or a number, then the answer
import {environment, renderNodes} from './blocks.mjs'
import {fences} from './scan.mjs'
import {escapeHtml} from './text.mjs'

const letters = text => text.replace(/[`*$\\]/g, '').replace(/\s+/g, ' ').trim()

export async function predict(node, chapter, site) {
  const refuse = (line, sentence) => site.report.refuse(chapter.file, line, sentence)
  const [, number, question] = /^(\d+\.\d+)\s+(.+)$/.exec(node.argument) ?? []
  if (!number) return refuse(node.line, 'A prediction is written ":::predict 0.1 The question?".'), ''
  const env = line => environment(chapter, site, line)
  const choices = [], lead = []
  let value
  for (const [line, text] of node.head) {
    const choice = /^- (.*?)(\s+\*)?$/.exec(text), exact = /^= (.+)$/.exec(text)
    if (choice) choices.push({line, text: choice[1], right: Boolean(choice[2])})
    else if (exact) value = exact[1].trim()
    else lead.push([line, text])
  }
  const right = choices.filter(choice => choice.right)
  if (value === undefined && (choices.length < 2 || choices.length > 4 || right.length !== 1))
    refuse(node.line, 'A prediction has two to four choices, one of them marked with " *", or a line "= number".')
  const answer = value ?? right[0]?.text ?? ''
  if (right.length <= 1 && !isShown(answer, node, chapter, site))
    refuse(node.line, `The right answer "${answer}" does not stand in the output of a run inside this prediction.`)
  chapter.counts.predictions += 1
  chapter.predictions.push(number)
  const name = `predict-${number}`
  const inputs = value === undefined
    ? choices.map((choice, i) => `<label><input type="radio" name="${name}" value="${i}"${choice.right ? ' data-right' : ''}> <span>${site.markdown.renderInline(choice.text, env(choice.line))}</span></label>\n`).join('')
    : `<label>Your number <input type="number" step="any" name="${name}" data-answer="${escapeHtml(value)}"></label>\n`
  const introduction = lead.length ? site.markdown.render(lead.map(([, text]) => text).join('\n'), env(lead[0][0])) : ''
  const inside = await renderNodes(node.nodes, chapter, site)
  return `<section class="predict" id="${name}" data-predict="${number}">
<p class="label">Prediction ${number}</p>
<fieldset><legend>${site.markdown.renderInline(question, env(node.line))}</legend>
${introduction}<div class="choices">${inputs}</div></fieldset>
<p class="verdict" role="status" hidden></p>
<details class="answer"><summary>The answer</summary>
<p class="right">${site.markdown.renderInline(answer, env(node.line))}</p>
${inside}</details>
</section>
`
}

// Does an output inside the block contain the answer: as it is written, or all that it quotes, or all its
// numbers?
function isShown(answer, node, chapter, site) {
  const outputs = [...fences(node.nodes)].filter(({lang}) => lang === 'output')
  if (outputs.length === 0) return false
  const shown = letters(outputs.map(({body}) => body.join(' ')).join(' '))
  if (shown.includes(letters(answer))) return true
  const quoted = [...answer.matchAll(/`([^`]+)`/g)].map(match => letters(match[1]))
  if (quoted.length) return quoted.every(text => shown.includes(text))
  const bare = text => text.replace(/(\d),(?=\d{3})/g, '$1').replace(/−/g, '-')
  const numbers = bare(answer).match(/-?\d+(\.\d+)?/g)
  return Boolean(numbers) && numbers.every(number => bare(shown).split(/[^\d.-]+/).map(t => t.replace(/\.$/, '')).includes(number))
}
