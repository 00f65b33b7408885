// # A chapter's file as text, fences and blocks
//
// This is all of the format that is not Markdown, and it needs no package: the programs of a chapter are
// made, and their outputs refreshed, without npm. Line numbers count from 1, in the file.

// {front, frontLine, nodes}; front is YAML text. A node is
//   {kind: 'text', line, text}
//   {kind: 'fence', line, end, lang, words, attrs, body}      end: the line of the closing ```
//   {kind: 'block', line, end, name, argument, head, nodes}   head: the lines before '---', as [line, text]
export function scanChapter(text, refuse = () => {}) {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  let begin = 0, front = ''
  if (lines[0] === '---') {
    const close = lines.indexOf('---', 1)
    if (close < 0) refuse(1, 'The front matter begins with "---" but no line "---" ends it.')
    else front = lines.slice(1, close).join('\n'), begin = close + 1
  } else refuse(1, 'A chapter begins with its front matter, between two lines "---".')
  return {front, frontLine: 2, nodes: scanNodes(lines, begin, lines.length, refuse)}
}

function scanNodes(lines, begin, end, refuse) {
  const nodes = []
  let at = begin, text = []
  const flush = () => {
    if (text.some(line => line.trim())) nodes.push({kind: 'text', line: at - text.length + 1, text: text.join('\n')})
    text = []
  }
  while (at < end) {
    const fence = /^(`{3,})\s*(.*)$/.exec(lines[at])
    const block = /^:::([a-z]+)(?:\s+(.*?))?\s*$/.exec(lines[at])
    if (!fence && !block) {
      if (lines[at].startsWith(':::')) refuse(at + 1, `"${lines[at]}" ends a block, but no block is open here.`)
      text.push(lines[at++])
      continue
    }
    flush()
    const node = fence ? scanFence(lines, at, end, fence) : scanBlock(lines, at, end, block, refuse)
    if (node.unclosed) refuse(at + 1, fence ? 'No line "```" ends this fence.' : `No line ":::" ends this block "${block[1]}".`)
    nodes.push(node)
    at = node.end
  }
  flush()
  return nodes
}

function scanFence(lines, at, end, [, ticks, info]) {
  let close = at + 1
  while (close < end && lines[close].trimEnd() !== ticks) ++close
  const [lang = '', ...rest] = info.trim().split(/\s+/)
  const attrs = {}, words = []
  for (const word of rest) {
    const cut = word.indexOf('=')
    if (cut > 0) attrs[word.slice(0, cut)] = word.slice(cut + 1)
    else words.push(word)
  }
  return {kind: 'fence', line: at + 1, end: Math.min(close + 1, end), unclosed: close >= end, lang, words, attrs,
    info, body: lines.slice(at + 1, close)}
}

function scanBlock(lines, at, end, [, name, argument = ''], refuse) {
  let close = at + 1, fence = ''
  for (; close < end; ++close) {
    const ticks = /^`{3,}/.exec(lines[close])?.[0]
    if (ticks) fence = fence ? (lines[close].trimEnd() === fence ? '' : fence) : ticks
    if (!fence && lines[close].trimEnd() === ':::') break
  }
  let cut = lines.indexOf('---', at + 1)
  if (cut < 0 || cut > close) cut = name === 'predict' ? close : at
  const head = []
  for (let i = at + 1; i < cut; ++i) if (lines[i].trim()) head.push([i + 1, lines[i]])
  const body = lines.slice(at + 1, close).map((text, i) => [at + 2 + i, text]).filter(([, text]) => text.trim())
  return {kind: 'block', line: at + 1, end: Math.min(close + 1, end), unclosed: close >= end, name, argument, head, body,
    nodes: scanNodes(lines, cut + 1, close, refuse)}
}

// All fences, in order, also those inside blocks. A fence with `output` follows the fence that runs.
export function* fences(nodes) {
  for (const node of nodes) {
    if (node.kind === 'fence') yield node
    if (node.kind === 'block') yield* fences(node.nodes)
  }
}

// What kind of run a fence is: 'program', 'outside', 'command', 'recorded', or nothing.
export function runKind({lang, words, attrs}) {
  if (lang === 'cpp' && attrs.run) return words.includes('outside') ? 'outside' : 'program'
  if (lang === 'sh' && attrs.recorded) return 'recorded'
  if (lang === 'sh' && words.includes('run')) return 'command'
  return undefined
}

// The runs of a chapter with their outputs: [{fence, output, kind, index}], `index` among programs.
export function runsOf(nodes) {
  const runs = []
  let programs = 0
  const visit = list => {
    let last
    for (const node of list) {
      if (node.kind === 'block') visit(node.nodes)
      if (node.kind !== 'fence') {
        if (node.kind === 'block') last = undefined
        continue
      }
      const kind = runKind(node)
      if (kind) runs.push(last = {fence: node, kind, index: kind === 'program' ? programs++ : undefined})
      else if (node.lang === 'output' && last) last.output = node, last = undefined
      else last = undefined
    }
  }
  visit(nodes)
  return runs
}
