// # The stamp of a recorded run: a hash of what the run depends on
//
// It is taken of the command and of the code of the files, without comments and white space: a better
// sentence in a comment makes no training stale.
import {sha256} from './tree.mjs'

// C++ without comments; what stands in quotes stays.
export function withoutComments(code) {
  const token = /R"([^(\s]{0,16})\([^]*?\)\1"|"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[^]*?\*\/|(?<![\w])'(?:\\.|[^'\\\n])+'/g
  return code.replace(token, text => /^\/[/*]/.test(text) ? ' ' : text)
}

export function stampOf(command, from, tree) {
  const parts = tree.sources(from).sort().map(file => file + '\n' + withoutComments(tree.read(file)).replace(/\s+/g, ''))
  return sha256([command, ...parts].join('\n')).slice(0, 8)
}

export const fromOf = fence => (fence.attrs.from ?? '').split(',').filter(Boolean)
export const commandOf = fence => fence.body.join('\n').trim()
