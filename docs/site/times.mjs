// # How long a reader needs: computed, never written by hand
//
// Words / 200 + lines of code / 15, in minutes; 2 for a figure or a prediction, 4 for a live piece.
const reading = ({words, code}) => words / 200 + code / 15

export function measure(chapter, site) {
  const {counts} = chapter
  const sources = chapter.files.map(({file}) => site.sources.get(file)).filter(Boolean)
  chapter.times = {
    story: Math.round(reading(counts)),
    trying: 2 * (counts.figures + counts.predictions) + 4 * counts.live,
    source: Math.round(sources.reduce((sum, page) => sum + reading({words: page.words, code: page.codeLines}), 0)),
    exercises: site.exercises.filter(({number}) => Number(number.split('.')[0]) === chapter.number)
      .reduce((sum, {minutes}) => sum + minutes, 0),
  }
}

export const timesText = ({story, trying, source, exercises}) => [
  story && `story ${story} min`, trying && `to look at and try ${trying} min`,
  source && `source ${source} min`, exercises && `exercises ${exercises} min`,
].filter(Boolean).join(' · ')
