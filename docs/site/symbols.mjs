// # Which symbols does a formula use, and does the chapter say what they mean?
//
// KaTeX parses the formula; the letters of its tree are the symbols. Numbers, operators and names of
// functions need no meaning, nor do ∂, d and e.

const known = new Set(['d', 'e', '\\partial', '\\pi'])
const skipped = new Set(['operatorname', 'text', 'op', 'atom', 'spacing', 'kern', 'color-token', 'raw', 'url'])
const letters = /^(\\(alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|upsilon|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega|ell|nabla|hbar)|\p{L})$/u

// [{name, accent}]: name 'v'; accent '\\bar' if the symbol wears one.
export function symbolsOf(tree) {
  const found = []
  const visit = (node, accent) => {
    if (Array.isArray(node)) return node.forEach(child => visit(child, accent))
    if (!node || typeof node !== 'object') return
    if (skipped.has(node.type)) return
    if (node.type === 'font' && ['mathrm', 'mathsf', 'mathtt'].includes(node.font)) return
    if (node.type === 'mathord' || node.type === 'textord') {
      if (letters.test(node.text) && !known.has(node.text)) found.push({name: node.text, accent})
      return
    }
    const mine = node.type === 'accent' ? node.label : accent
    for (const [key, value] of Object.entries(node)) if (key !== 'loc') visit(value, mine)
  }
  visit(tree)
  return found
}

const key = ({name, accent}) => accent ? `${accent} ${name}` : name

// The symbols that the front matter defines, with and without an accent.
export function definedSymbols(pairs, file, site) {
  const defined = new Set()
  for (const [tex] of pairs) {
    try {
      for (const symbol of symbolsOf(site.packages.katex.__parse(tex, {strict: 'ignore'}))) {
        defined.add(key(symbol))
        if (symbol.accent) defined.add(symbol.accent)
      }
    } catch (error) {
      site.report.refuse(file, 1, `The symbol "${tex}" of the front matter is not TeX: ${plain(error)}`)
    }
  }
  return defined
}

// The first sentence of KaTeX's message, without its prefix.
const plain = error => String(error.message).replace(/^KaTeX parse error:\s*/, '')

// The renderer of a chapter's formulas: a function for Markdown's environment.
export function formulaRenderer(chapter, site) {
  const {katex} = site.packages
  return (tex, displayMode, line) => {
    const formula = tex.trim()
    try {
      const options = {displayMode, throwOnError: true, strict: 'ignore', trust: false}
      const symbols = symbolsOf(katex.__parse(formula, options))
      new Map(symbols.map(symbol => [key(symbol), symbol])).forEach(symbol => expectDefined(symbol, formula, line))
      chapter.math = true
      const html = katex.renderToString(formula, options)
      return displayMode ? `<div class="formula" tabindex="0">${html}</div>\n` : html
    } catch (error) {
      site.report.refuse(chapter.file, line, `The formula "${formula}" is not TeX that KaTeX can read: ${plain(error)}`)
      return ''
    }
  }

  function expectDefined(symbol, formula, line) {
    const {defined} = chapter
    // v̄ is defined if it is listed, or if a bar and v are.
    if (defined.has(key(symbol)) || (symbol.accent && defined.has(symbol.accent) && defined.has(symbol.name))) return
    site.report.refuse(chapter.file, line,
      `The formula "${formula}" uses the symbol ${key(symbol)}, which the front matter's "symbols" does not define.`)
  }
}
