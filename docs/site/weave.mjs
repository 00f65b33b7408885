// # The weaver: node docs/site/weave.mjs --root . --build build --out build/site
//
// Checks the course and writes the site. A problem is printed with file, line and a sentence; then
// nothing is written, and the exit code is 1.
import {resolve} from 'node:path'
import {fileURLToPath} from 'node:url'
import {weave} from './site.mjs'
import {loadPackages} from './packages.mjs'

function argumentsOf(argv) {
  const options = {root: '.', build: 'build', out: 'build/site'}
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i].replace(/^--/, '')
    if (!(name in options) || argv[i + 1] === undefined) throw new Error(`weave: unknown argument ${argv[i]}; --root, --build and --out are known`)
    options[name] = argv[i + 1]
  }
  return Object.fromEntries(Object.entries(options).map(([name, path]) => [name, resolve(path)]))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const options = argumentsOf(process.argv.slice(2))
    const began = Date.now()
    const {report, written, pages} = await weave({...options, packages: await loadPackages(options.build)})
    if (report.problems.length) {
      console.error(report.text())
      console.error(`weave: ${report.problems.length} problem${report.problems.length === 1 ? '' : 's'}; no page was written`)
      process.exitCode = 1
    } else {
      console.log(`${options.out}: ${pages} pages, ${written} files written anew, in ${((Date.now() - began) / 1000).toFixed(1)} s`)
    }
  } catch (error) {
    console.error(error.stack)
    process.exitCode = 2
  }
}
