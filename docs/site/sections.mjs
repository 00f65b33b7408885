// # A source file as sections of prose and code
//
// The weaver knows comments and lines, not C++. A section is a run of lines: first a comment of whole
// lines, then blank lines, then code; each part may be empty. All numbers are line numbers from 1, and
// the sections together are the file.

const isBlank = line => line.trim() === ''
// A comment that is meant for a tool stays in the code.
const isComment = line => /^\s*\/\/(\s|$)/.test(line) && !/^\s*\/\/ (clang-format|NOLINT)/.test(line)

// The text of a comment line: without its indentation, the slashes and one space.
export const commentText = line => line.trimStart().slice(2).replace(/^ /, '').trimEnd()

// '# x' is the title; '---- x ----' and '## x' are headings.
export function headingOf(text) {
  const match = /^# (\S.*)$/.exec(text) ?? /^## (\S.*)$/.exec(text) ?? /^-{4} (\S.*?) -{4}$/.exec(text)
  return match && {level: text.startsWith('# ') ? 1 : 2, text: match[1]}
}

export function splitSections(lines) {
  const sections = []
  let at = 0
  const skip = test => {
    const first = at
    while (at < lines.length && test(lines[at])) ++at
    return {first: first + 1, last: at}
  }
  while (at < lines.length) {
    const comment = skip(isComment)
    const blanks = skip(isBlank)
    const headed = comment.last >= comment.first && headingOf(commentText(lines[comment.first - 1]))
    const touches = blanks.last < blanks.first
    // A passage is a comment that a blank line follows. One with a heading speaks of the code behind
    // it, which has no comment of its own, and stands beside that code.
    const code = {first: at + 1, last: at}
    if (touches || headed || comment.last < comment.first) {
      skip(line => !isComment(line))
      code.last = at
    }
    sections.push({comment, blanks, code})
  }
  return sections
}

export const isEmpty = ({first, last}) => last < first

// Runs of more than `most` lines of code without a line of prose. Blank lines do not count; a comment
// behind code does, as prose.
export function longRuns(lines, most) {
  const runs = []
  let first = 0, count = 0
  const end = () => {
    if (count > most) runs.push({first, count})
    count = 0
  }
  lines.forEach((line, i) => {
    if (isComment(line)) return end()
    if (isBlank(line)) return
    if (/\S\s+\/\/ /.test(line)) return end()
    if (++count === 1) first = i + 1
  })
  end()
  return runs
}
