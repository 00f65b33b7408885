// # Code with colours
//
// Shiki reads a whole file once, for both themes; its lines are cut afterwards. A colour is a class,
// named after its two values, so that a page holds no style for each word. The classes are written to
// assets/code.css. Colours that are too pale for small text are moved towards black or white.
import {escapeHtml} from './text.mjs'
import {sha256} from './tree.mjs'

const themes = {light: 'github-light', dark: 'github-dark'}
const grounds = {light: '#f5f3ed', dark: '#20242b'}

const channels = colour => [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16))
const hex = values => '#' + values.map(v => Math.round(v).toString(16).padStart(2, '0')).join('')

function luminance(colour) {
  const [r, g, b] = channels(colour).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

// The colour, mixed with black (light theme) or white until it is read easily: a contrast of 4.7.
function readable(colour, theme) {
  const end = theme === 'light' ? 0 : 255
  let mixed = colour.slice(0, 7)
  for (let share = 0.05; contrast(mixed, grounds[theme]) < 4.7 && share <= 1; share += 0.05)
    mixed = hex(channels(colour).map(v => v + (end - v) * share))
  return mixed
}

export class Highlighter {
  constructor(shiki, cache) {
    this.shiki = shiki
    this.cache = cache
    this.pairs = new Set()
  }

  // Each line of the code as HTML.
  async lines(code, lang = 'cpp') {
    const key = `highlight-${sha256(lang + '\n' + code)}`
    const known = this.cache.get(key)
    const result = known ?? await this.compute(code, lang)
    if (!known) this.cache.set(key, result)
    for (const pair of result.pairs) this.pairs.add(pair)
    return result.lines
  }

  async compute(code, lang) {
    const {tokens} = await this.shiki.codeToTokens(code, {lang, themes, defaultColor: false})
    const pairs = new Set()
    const lines = tokens.map(line => line.map(({content, htmlStyle}) => {
      const text = escapeHtml(content)
      if (!content.trim() || !htmlStyle) return text
      const light = readable(htmlStyle['--shiki-light'] ?? '#24292E', 'light')
      const dark = readable(htmlStyle['--shiki-dark'] ?? '#E1E4E8', 'dark')
      const pair = `${light.slice(1)}-${dark.slice(1)}`.toLowerCase()
      if (pair === '24292e-e1e4e8') return text  // the colour of the page's code
      pairs.add(pair)
      return `<span class="k${pair}">${text}</span>`
    }).join(''))
    return {lines, pairs: [...pairs]}
  }

  css() {
    return [...this.pairs].sort().map(pair => {
      const [light, dark] = pair.split('-')
      return `.k${pair} { color: light-dark(#${light}, #${dark}); }`
    }).join('\n') + '\n'
  }
}
