// # The packages, which are installed in the build folder
//
// The source folder holds no node_modules, so their place is said here, not found by Node.
import {existsSync} from 'node:fs'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {pathToFileURL} from 'node:url'

export async function loadPackages(build) {
  const folder = join(build, 'docs', 'site-node')
  if (!existsSync(join(folder, 'node_modules')))
    throw new Error(`weave: ${folder} has no node_modules; build the target docs, which installs them`)
  const require = createRequire(pathToFileURL(join(folder, 'package.json')))
  const load = async name => {
    const module = await import(pathToFileURL(require.resolve(name)))
    return module.default ?? module
  }
  const shiki = await import(pathToFileURL(require.resolve('shiki')))
  const {tex} = await import(pathToFileURL(require.resolve('@mdit/plugin-tex')))
  return {
    katex: await load('katex'),
    MarkdownIt: await load('markdown-it'),
    MiniSearch: await load('minisearch'),
    yaml: await load('js-yaml'),
    shiki,
    tex,
    folderOf: name => join(folder, 'node_modules', name),
    versionOf: name => require(join(folder, 'node_modules', name, 'package.json')).version,
  }
}
