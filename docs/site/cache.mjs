// # What an earlier run has computed, found by the hash of what it was computed from
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname} from 'node:path'

export class Cache {
  constructor(path) {
    this.path = path
    this.old = {}
    this.used = {}
    this.changed = false
    try {
      if (path && existsSync(path)) this.old = JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      this.changed = true  // a file that was cut off is written anew
    }
  }

  get(key) {
    const value = this.used[key] ?? this.old[key]
    if (value !== undefined) this.used[key] = value
    return value
  }

  set(key, value) {
    this.used[key] = value
    this.changed = true
  }

  // Writes what this run has used; the rest is forgotten.
  save() {
    const same = Object.keys(this.used).length === Object.keys(this.old).length
    if (!this.path || (!this.changed && same)) return
    mkdirSync(dirname(this.path), {recursive: true})
    writeFileSync(this.path, JSON.stringify(this.used))
  }
}
