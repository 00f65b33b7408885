// # Is an output the one that the chapter shows?
//
// Numbers with decimals or an exponent agree within one unit of the last digit that the chapter prints;
// whole numbers agree exactly. The sign of NaN and the width of spaces do not count. A line "…" stands
// for any lines. Loosely, any two numbers agree.

const number = /[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?/gi

const valueOf = text => Number(text.replace(/,/g, '').replace('−', '-'))

function unitOf(text) {
  const [, decimals = '', exponent] = /(?:\.(\d+))?(?:e([-+]?\d+))?$/i.exec(text)
  if (!decimals && exponent === undefined) return 0
  return 10 ** (Number(exponent ?? 0) - decimals.length)
}

const tidy = line => line.replace(/[-+]nan\b/gi, 'nan').replace(/\s+/g, ' ').trim()

// A number after a letter is part of a name, as in `f32`.
function split(line) {
  const texts = [], numbers = []
  let from = 0
  for (const match of line.matchAll(number)) {
    if (/[A-Za-z_]$/.test(line.slice(0, match.index)) || /[A-Za-z_]/.test(line[match.index + match[0].length] ?? '')) continue
    texts.push(line.slice(from, match.index))
    numbers.push(match[0])
    from = match.index + match[0].length
  }
  return {texts: [...texts, line.slice(from)], numbers}
}

export function sameLine(expected, actual, loose) {
  const a = split(tidy(expected)), b = split(tidy(actual))
  if (a.numbers.length !== b.numbers.length) return false
  if (a.texts.map(tidy).join('\0') !== b.texts.map(tidy).join('\0')) return false
  return loose || a.numbers.every((text, i) =>
    Math.abs(valueOf(text) - valueOf(b.numbers[i])) <= unitOf(text) * (1 + 1e-6))
}

// Undefined if they agree; else {index, expected, actual}: the line of the chapter's output, from 0.
export function difference(expected, actual, loose = false) {
  const trim = lines => {
    const copy = [...lines]
    while (copy.length && !copy.at(-1).trim()) copy.pop()
    return copy
  }
  const a = trim(expected), b = trim(actual)
  let worst = {index: 0, reach: -1, expected: a[0] ?? '', actual: b[0] ?? ''}
  const walk = (i, j) => {
    for (; i < a.length; ++i, ++j) {
      if (a[i].trim() === '…') {
        for (let skip = j; skip <= b.length; ++skip) if (walk(i + 1, skip)) return true
        return false
      }
      if (j >= b.length || !sameLine(a[i], b[j], loose)) return note(i, j)
    }
    return j === b.length || note(i, j)
  }
  const note = (i, j) => {
    if (i >= worst.index || worst.reach < 0) worst = {index: i, reach: j, expected: a[i], actual: b[j]}
    return false
  }
  return walk(0, 0) ? undefined : worst
}
