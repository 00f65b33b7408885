// # The C++ of a chapter as one program: node program.mjs CHAPTER.md OUT.cpp
//
// All snippets stand in main(), in order, in one scope; those that are marked `outside` stand before it.
// The program prints a line "\x1e#N" before snippet N, by which its output is cut. Compilers name lines of
// the chapter. No package is needed here.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, relative, resolve} from 'node:path'
import {fileURLToPath} from 'node:url'
import {runsOf, scanChapter} from './scan.mjs'
import {sha256} from './tree.mjs'

const mark = '\x1e'

export function programOf(runs, file) {
  const snippets = runs.filter(({kind}) => kind === 'program' || kind === 'outside')
  if (snippets.length === 0) return undefined
  const includes = new Set(['#include <cstdio>', '#include <exception>', '#include <fmt/format.h>', '#include <fmt/ranges.h>', '#include "glassgrad.h"'])
  const outside = [], inside = []
  for (const {fence, kind, index} of snippets) {
    const lines = fence.body.map(line => {
      if (!/^\s*#\s*include\b/.test(line)) return line
      includes.add(line.trim())
      return ''
    })
    const part = [`#line ${fence.line + 1} "${file}"`, ...lines]
    if (kind === 'outside') outside.push(...part)
    else inside.push(`begin_snippet(${index});`, ...part)
  }
  const head = ['using namespace glass;', 'static void begin_snippet(int n) { std::printf("\\x1e#%d\\n", n); std::fflush(stdout); }']
  const tail = ['return 0;', '} catch (const std::exception& error) {', 'fmt::print("{}\\n", error.what());', 'return 1;', '}', '']
  const code = [...includes, ...head, ...outside, 'int main() try {', 'std::printf("\\x1e" "HASH\\n");', ...inside, ...tail]
  const hash = sha256(code.filter(line => !line.startsWith('#line')).join('\n')).slice(0, 16)
  return {hash, text: code.join('\n').replace('"HASH', `"${hash}`)}
}

// The output of the program as {hash, outputs}: the text of each snippet.
export function cutOutput(text) {
  const [first, ...parts] = text.split(new RegExp(`^${mark}`, 'm')).slice(1)
  const outputs = []
  for (const part of parts) {
    const [, index, body] = /^#(\d+)\n([^]*)$/.exec(part) ?? []
    if (index !== undefined) outputs[Number(index)] = body
  }
  return {hash: first?.trim(), outputs}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [chapter, out] = process.argv.slice(2)
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
  const file = relative(root, resolve(chapter))
  const program = programOf(runsOf(scanChapter(readFileSync(chapter, 'utf8')).nodes), file)
  mkdirSync(dirname(out), {recursive: true})
  writeFileSync(out, program?.text ?? 'int main() { return 0; }\n')
}
