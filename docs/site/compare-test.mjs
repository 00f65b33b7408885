// # Tests of what counts as the same output, of commands and of stamps: node docs/site/compare-test.mjs
import {difference} from './compare.mjs'
import {inBuild} from './runs.mjs'
import {stampOf, withoutComments} from './stamp.mjs'

const faults = []
const expect = (name, is) => is || faults.push(name)
const same = (a, b, loose) => difference(a.split('\n'), b.split('\n'), loose) === undefined

expect('numbers agree within one unit of the last digit', same('x 0.667', 'x 0.668') && same('1.5e-3', '1.6e-3'))
expect('numbers that are further apart differ', !same('x 0.667', 'x 0.669') && !same('1.5e-3', '1.5e-4'))
expect('more digits than the chapter prints do not matter', same('0.5', '0.5312'))
expect('whole numbers are equal or not', !same('#2 add', '#3 add') && same('1,000,001', '1000001'))
expect('a sign counts', !same('[0.5]', '[-0.5]') && same('−0.5', '-0.5'))
expect('the sign of NaN does not count', same('nan, 1', '-nan, 1'))
expect('a number inside a name is part of the name', !same('f32', 'f64'))
expect('the width of spaces does not count', same('a  1', 'a 1 '))
expect('words count', !same('right', 'wrong'))
expect('an ellipsis stands for any lines', same('a\n…\nd', 'a\nb\nc\nd') && same('…', 'a\nb') && same('a\n…', 'a'))
expect('an ellipsis hides no line beside it', !same('a\n…\ne', 'a\nb\nd') && !same('…\nb', 'a\nc'))
expect('lines may not be missing or too many', !same('a', 'a\nb') && !same('a\nb', 'a'))
expect('a loose output compares words and the shape of tables', same('loss 0.1', 'loss 0.7', true) && !same('0.1 0.2', '0.1', true))

expect('a build folder may have a space in its path',
  inBuild('build/examples/x --log build/y "build/z"', '/a b') === `'/a b'/examples/x --log '/a b'/y "/a b/z"`)

const tree = text => ({sources: () => ['a.h'], read: () => text})
const stamp = text => stampOf('run', ['a.h'], tree(text))
expect('a comment does not change the stamp', stamp('int x;  // one\n') === stamp('int x; /* two */'))
expect('code changes the stamp', stamp('int x;') !== stamp('int y;'))
expect('what looks like a comment in a string is code', withoutComments('f("a // b")') === 'f("a // b")')

if (faults.length) {
  console.error(faults.map(name => `wrong: ${name}`).join('\n'))
  process.exitCode = 1
}
