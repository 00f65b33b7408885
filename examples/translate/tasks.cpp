// # The tasks: letters, dates, and the rule that holds pairs out
#include "examples/translate/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>

#include "examples/common/quote.h"
#include "examples/translate/dice.h"

namespace translate {

using glass::check;
using glass::StateError;

namespace {

// ---- copy and reverse ----

// Sixteen random letters, and the same letters, perhaps reversed.
Draw draw_letters(Rng& rng, bool reversed) {
  Draw draw;
  for (int i = 0; i < 16; ++i)
    draw.pair.source.emplace_back(1, pick(std::string_view("abcdefghij"), rng));
  draw.pair.target = draw.pair.source;
  if (reversed) std::reverse(draw.pair.target.begin(), draw.pair.target.end());
  draw.key = join(Unit::characters, draw.pair.source);
  return draw;
}

// ---- dates ----

// Every spelling determines its date: the year has four digits, and where the month is a number,
// the day stands before it, unless the year comes first.
constexpr const char* spellings[] = {
    "{d} {month} {y}",             // 3 May 2004
    "{d} {mon} {y}",               // 12 Mar 1987
    "{d}-{mon}-{y}",               // 12-Mar-1987
    "{th} {month} {y}",            // 3rd May 2004
    "the {th} of {month} {y}",     // the 3rd of May 2004
    "{month} {d}, {y}",            // May 3, 2004
    "{mon} {d}, {y}",              // Mar 12, 1987
    "{month} the {th}, {y}",       // May the 3rd, 2004
    "{weekday}, {d} {month} {y}",  // Monday, 3 May 2004
    "{wday} {d} {mon} {y}",        // Thu 12 Mar 1987
    "{weekday}, the {th} of {month} {y}",
    "{dd}/{mm}/{y}",  // 12/03/1987
    "{d}.{m}.{y}",    // 12.3.1987
    "{y}/{mm}/{dd}",  // 1987/03/12
    "{y} {month} {d}",
};
constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
constexpr std::string_view weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

std::string_view ordinal_ending(unsigned day) {
  if (11 <= day && day <= 13) return "th";
  return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

// A random day from 1900 to 2099, spelt in a random way, and as ISO 8601.
Draw draw_date(Rng& rng) {
  // The day.
  using namespace std::chrono;
  const sys_days first = year{1900} / 1 / 1, end = year{2100} / 1 / 1;
  const sys_days day = first + days{rng.below((end - first).count())};
  const year_month_day date = day;
  const int y = int{date.year()};
  const unsigned mon = unsigned{date.month()}, d = unsigned{date.day()};
  const std::string_view month = months[mon - 1],
                         weekday = weekdays[std::chrono::weekday(day).c_encoding()];

  // A spelling takes the parts that it needs.
  std::string text = fmt::format(
      fmt::runtime(pick(spellings, rng)), fmt::arg("y", y), fmt::arg("m", mon), fmt::arg("d", d),
      fmt::arg("mm", fmt::format("{:02}", mon)), fmt::arg("dd", fmt::format("{:02}", d)),
      fmt::arg("th", fmt::format("{}{}", d, ordinal_ending(d))), fmt::arg("month", month),
      fmt::arg("mon", month.substr(0, 3)), fmt::arg("weekday", weekday),
      fmt::arg("wday", weekday.substr(0, 3)));
  const Index letters = rng.below(4);  // half as above, a quarter each in capitals and without
  if (letters == 0) text = lower_case(text);
  if (letters == 1)
    for (char& c : text)
      if ('a' <= c && c <= 'z') c = static_cast<char>(c - 'a' + 'A');

  const std::string iso = fmt::format("{:04}-{:02}-{:02}", y, mon, d);
  return {{tokenize(Unit::characters, text), tokenize(Unit::characters, iso)}, iso};
}

// ---- the rule that holds pairs out ----

// A tenth of all keys, chosen by a hash of the key, and what is reserved.
bool held_out(const Draw& draw) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : draw.key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return draw.reserved || (hash >> 32) % 10 == 0;
}

struct Task {
  std::string_view name;
  Unit unit;
  Index max_tokens;
  Draw (*draw)(Rng&);
  Index (*alignment)(Index i, Index n) = nullptr;
};

constexpr Task tasks[] = {
    {"copy", Unit::characters, 16, [](Rng& rng) { return draw_letters(rng, false); },
     [](Index i, Index) { return i; }},
    {"reverse", Unit::characters, 16, [](Rng& rng) { return draw_letters(rng, true); },
     [](Index i, Index n) { return n - 1 - i; }},
    {"dates", Unit::characters, 40, draw_date},
    {"phrases", Unit::words, 24, draw_phrase},
};

}  // namespace

namespace {

const Task& task_named(std::string_view name) {
  const auto* const task = std::ranges::find(tasks, name, &Task::name);
  check<StateError>(task != std::end(tasks),
                    "make_task: expected one of copy, reverse, dates and phrases; got \"{}\"",
                    examples::shortened(name));
  return *task;
}

// 1,000 test pairs and then 500 validation pairs, all different.
void draw_held_out(Corpus& corpus, const Task& task, Rng& rng) {
  std::set<std::string> keys;
  while (keys.size() < 1500) {
    Draw drawn = task.draw(rng);
    if (!held_out(drawn) || !keys.insert(drawn.key).second) continue;
    const bool tests = corpus.test.size() < 1000;
    (tests ? corpus.test_references : corpus.valid_references)
        .push_back(join(task.unit, drawn.pair.target));
    (tests ? corpus.test : corpus.valid).push_back(std::move(drawn.pair));
  }
}

// The words of 20,000 random pairs, among which every word of the task occurs.
void collect_words(Corpus& corpus, Rng& rng) {
  std::vector<Pair> pairs(20'000);
  for (Pair& pair : pairs) pair = corpus.sample(rng);
  corpus.source_words = Vocabulary(pairs, &Pair::source, 1);
  corpus.target_words = Vocabulary(pairs, &Pair::target, 1);
}

}  // namespace

Corpus make_task(std::string_view name) {
  const Task& task = task_named(name);
  Corpus corpus;
  corpus.name = name;
  corpus.unit = task.unit;
  corpus.max_tokens = task.max_tokens;
  if (task.alignment) corpus.alignment = task.alignment;
  corpus.sample = [draw = task.draw](Rng& rng) {
    for (;;)
      if (Draw drawn = draw(rng); !held_out(drawn)) return std::move(drawn.pair);
  };
  Rng fixed(1);  // the same pairs and words in every run
  draw_held_out(corpus, task, fixed);
  collect_words(corpus, fixed);
  return corpus;
}

}  // namespace translate
