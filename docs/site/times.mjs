// # How long a reader needs: computed, never written by hand
export const minutes = ({words = 0, code = 0, figures = 0, predictions = 0, live = 0}) =>
  words / 200 + code / 15 + 2 * (figures + predictions) + 4 * live

export function measure(chapter, site) {
  const sources = chapter.files.map(({file}) => site.sources.get(file)).filter(Boolean)
  chapter.times = {
    story: Math.round(minutes(chapter.counts)),
    source: Math.round(sources.reduce((sum, page) => sum + minutes({words: page.words, code: page.codeLines}), 0)),
    exercises: site.exercises.filter(({number}) => Number(number.split('.')[0]) === chapter.number)
      .reduce((sum, {minutes}) => sum + minutes, 0),
  }
}

export const timesText = ({story, source, exercises}) =>
  [story && `story ${story} min`, source && `source ${source} min`, exercises && `exercises ${exercises} min`].filter(Boolean).join(' · ')
