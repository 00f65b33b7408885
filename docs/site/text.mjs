// # Small functions of text

export const escapeHtml = text =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

export const unescapeHtml = text =>
  text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')

export const stripTags = html => unescapeHtml(html.replace(/<[^>]*>/g, ''))

export const slug = text =>
  text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'section'

// Gives each id once: the second 'views' is 'views-2'.
export function uniqueIds() {
  const seen = new Map()
  return text => {
    const id = slug(text), count = (seen.get(id) ?? 0) + 1
    seen.set(id, count)
    return count === 1 ? id : `${id}-${count}`
  }
}

export const words = text => (text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu) ?? []).length

export const plural = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`

// Text without the indentation that all its lines share.
export function dedent(lines) {
  const indents = lines.filter(line => line.trim()).map(line => /^ */.exec(line)[0].length)
  const common = Math.min(...indents, 80)
  return lines.map(line => line.slice(Math.min(common, /^ */.exec(line)[0].length)))
}
