// # The files of the repository, read once, and what is wrong with them
import {createHash} from 'node:crypto'
import {existsSync, readFileSync, readdirSync, statSync} from 'node:fs'
import {join} from 'node:path'

// The folders of the library. All their files are shown, each in exactly one chapter.
export const rooms = ['tensor', 'autograd', 'nn', 'optim']

export const sha256 = text => createHash('sha256').update(text).digest('hex')

export class Tree {
  constructor(root) {
    this.root = root
    this.texts = new Map()
    this.hashes = new Map()
  }

  isFile(path) {
    const full = join(this.root, path)
    return existsSync(full) && statSync(full).isFile()
  }

  read(path) {
    if (!this.texts.has(path)) this.texts.set(path, readFileSync(join(this.root, path), 'utf8'))
    return this.texts.get(path)
  }

  // The lines of a file, without the empty one after the last line break.
  lines(path) {
    const lines = this.read(path).split('\n')
    if (lines.at(-1) === '') lines.pop()
    return lines
  }

  hash(path) {
    if (!this.hashes.has(path)) this.hashes.set(path, sha256(this.read(path)))
    return this.hashes.get(path)
  }

  // The names in a folder that a pattern fits, as paths, in order. No folder: no names.
  list(folder, pattern = /./) {
    const full = join(this.root, folder)
    if (!existsSync(full)) return []
    return readdirSync(full).filter(name => pattern.test(name)).sort().map(name => `${folder}/${name}`)
  }

  // All C++ files below the paths, which are files or folders.
  sources(paths) {
    const found = []
    for (const path of paths) {
      if (this.isFile(path)) found.push(path)
      else for (const name of this.list(path)) {
        const below = statSync(join(this.root, name)).isDirectory()
        if (below || /\.(h|cpp)$/.test(name)) found.push(...this.sources([name]))
      }
    }
    return found
  }

  libraryFiles() {
    return rooms.flatMap(room => this.list(room, /\.(h|cpp)$/))
  }
}

// Collects all problems, so that an author sees them at once. Each has a file, a line and a sentence.
export class Report {
  problems = []

  refuse(file, line, sentence) {
    this.problems.push({file, line, sentence})
  }

  text() {
    return this.problems.map(({file, line, sentence}) => `${file}:${line}: ${sentence}`).join('\n')
  }
}
