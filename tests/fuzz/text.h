// # Any bytes as parallel text
//
// Either refused with an error that text.h or tasks.h names; or read, and then tokens, numbers and
// batches can be converted into each other without loss.
//
// Lines of ==== stand between an input's parts: source and target, then, where there are four,
// source and target for validation. The whole input is also taken as one text, its first line as an
// English phrase, and all of it as a vocabulary.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>

#include "examples/translate/pieces.h"
#include "examples/translate/tasks.h"
#include "examples/translate/text.h"
#include "tests/fuzz/fuzz.h"

namespace translate::fuzz {

using glass::FileError;
using glass::ShapeError;
using glass::StateError;
using glass::fuzz::expect;

// Whether f ends without its error.
template <class Error>
bool passes(auto&& f) {
  try {
    f();
    return true;
  } catch (const Error&) {
    return false;
  }
}

// ---- one text ----

// The table of well-formed byte sequences, row by row (The Unicode Standard, table 3-7).
inline bool is_utf8(std::string_view text) {
  struct Row {
    unsigned first, last, from, to;  // the first byte, and the second if there is one
    std::size_t length;
  };
  static constexpr Row table[] = {
      {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  while (!text.empty()) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto row = std::find_if(std::begin(table), std::end(table), [&](const Row& r) {
      bool fits = r.first <= byte(0) && byte(0) <= r.last && r.length <= text.size();
      if (fits && r.length > 1) fits = r.from <= byte(1) && byte(1) <= r.to;
      for (std::size_t i = 2; fits && i < r.length; ++i) fits = 0x80 <= byte(i) && byte(i) <= 0xBF;
      return fits;
    });
    if (row == std::end(table)) return false;
    text.remove_prefix(row->length);
  }
  return true;
}

inline void try_tokens(const std::string& text) {
  const bool valid = is_utf8(text);
  const auto bad = find_invalid_utf8(text);
  expect(bad.has_value() != valid, "find_invalid_utf8 does not agree with Unicode's table");
  expect(!bad || (*bad < text.size() && is_utf8(text.substr(0, *bad))),
         "find_invalid_utf8 names byte {}, which is not the first", bad.value_or(0));
  for (const Unit unit : {Unit::characters, Unit::words, Unit::subwords}) {
    Sentence tokens;
    expect(passes<FileError>([&] { tokens = tokenize(unit, text); }) == valid,
           "tokenize takes what is not UTF-8, or refuses what is");
    for (const std::string& token : tokens)
      expect(!token.empty() && is_utf8(token), "a token is empty or cut in two");
    const std::string joined = join(unit, tokens);
    expect(tokenize(unit, joined) == tokens, "joined tokens are cut elsewhere: {}", joined);
    expect(!valid || unit != Unit::characters || joined == text, "characters join to another text");
  }
  std::string lower;
  expect(passes<FileError>([&] { lower = lower_case(text); }) == valid,
         "lower_case takes what is not UTF-8, or refuses what is");
  expect(is_utf8(lower) && lower_case(lower) == lower, "lower case has a lower case of its own");
}

inline void try_phrase(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  if (!is_utf8(line)) return;
  const Sentence english = tokenize(Unit::words, line);
  passes<StateError>(
      [&] { expect(!to_french(english).empty(), "a phrase is translated as nothing"); });
}

// ---- vocabularies ----

inline void expect_sound(const Vocabulary& words) {
  for (int id = 0; id < words.size(); ++id)
    expect(words.id(words.word(id)) == id, "the number of word {} is another", id);
  expect(!passes<ShapeError>([&] { (void)words.word(words.size()); }), "there is a word too many");
  const Vocabulary again = Vocabulary::from_text(words.to_text());
  expect(again.size() == words.size(), "{} words are {} when read again", words.size(),
         again.size());
  for (int id = 0; id < words.size(); ++id)
    expect(again.word(id) == words.word(id), "word {} is another when read again", id);
}

inline void try_vocabulary(const std::string& text) {
  Vocabulary words;
  if (passes<FileError>([&] { words = Vocabulary::from_text(text); })) expect_sound(words);
}

// ---- subwords ----

// A text comes back from its subwords, and so do the subwords from their own text.
inline void expect_sound(const Subwords& subwords, const std::string& text) {
  Rng rng(1);
  for (const double dropout : {0.0, 0.5})
    expect(bytes_of(subwords.cut(pieces(text), dropout, rng)) == text,
           "subwords are another text than the one that was cut");
  expect(Subwords::from_text(subwords.to_text()) == subwords,
         "subwords are others when read again");
  (void)Vocabulary(subwords.tokens());
}

inline void try_subwords(const std::string& text) {
  if (!is_utf8(text)) return;
  PieceCounts counts;
  for (const std::string& piece : pieces(text)) ++counts[piece];
  expect_sound(Subwords::learn(counts, 20, 1), text);
  Subwords read;
  if (passes<FileError>([&] { read = Subwords::from_text(text); })) expect_sound(read, text);
  (void)word_starts(Subwords::learn(counts, 20, 1).cut(pieces(text)));
}

// ---- sentences as numbers ----

inline void expect_encodes(const Vocabulary& words, const Sentence& sentence) {
  const std::vector<int> ids = words.encode(sentence);
  Sentence known = sentence;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    expect(ids[i] == Vocabulary::unknown || (4 <= ids[i] && ids[i] < words.size()),
           "the number {} of a word is outside the vocabulary", ids[i]);
    if (ids[i] == Vocabulary::unknown) known[i] = "<unk>";
  }
  expect(words.decode(ids) == known, "decoding does not undo encoding");
}

// One side of a batch, row by row: what stands there before and after an example, then padding.
inline void expect_rows(std::span<const int> ids, Index length, const Batch& batch,
                        std::span<const Example> examples, std::vector<int> Example::*side,
                        bool starts, bool stops) {
  expect(std::ssize(ids) == std::ssize(batch.examples) * length, "a batch has a ragged edge");
  for (const Index row : batch.examples) {
    std::vector<int> wanted = examples[static_cast<std::size_t>(row)].*side;
    if (starts) wanted.insert(wanted.begin(), Vocabulary::start);
    if (stops) wanted.push_back(Vocabulary::stop);
    expect(std::ssize(wanted) <= length, "a batch is too short for one of its rows");
    wanted.resize(static_cast<std::size_t>(length), Vocabulary::pad);
    expect(std::equal(wanted.begin(), wanted.end(), ids.begin()), "a row is not its example");
    ids = ids.subspan(static_cast<std::size_t>(length));
  }
}

inline void expect_batches(std::span<const Example> examples, BatchOptions options) {
  Rng rng(3);
  std::vector<Index> seen;
  for (const Batch& batch : make_batches(examples, rng, options)) {
    const auto& [source, target_in, target_out, rows, target_tokens] = batch;
    const Index count = std::ssize(rows);
    expect(1 <= count && count <= options.sentences, "a batch has {} rows", count);
    expect(options.tokens == 0 || count == 1 ||
               count * std::max(source.length, target_in.length) <= options.tokens,
           "a batch of {} rows is too large", count);
    expect_rows(source.ids, source.length, batch, examples, &Example::source, false, true);
    expect_rows(target_in.ids, target_in.length, batch, examples, &Example::target, true, false);
    expect_rows(target_out, target_in.length, batch, examples, &Example::target, false, true);
    expect(target_tokens ==
               std::ssize(target_out) - std::count(target_out.begin(), target_out.end(), 0),
           "the tokens of a batch are counted wrongly");
    seen.insert(seen.end(), rows.begin(), rows.end());
  }
  std::sort(seen.begin(), seen.end());
  std::vector<Index> all(examples.size());
  std::iota(all.begin(), all.end(), 0);
  expect(seen == all, "an example is in no batch, or in two");
}

// ---- files ----

inline std::vector<std::string> parts_of(std::string_view bytes) {
  constexpr std::string_view line = "\n====\n";
  std::vector<std::string> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = bytes.find(line);
    parts.emplace_back(bytes.substr(0, end));
    if (end != std::string_view::npos) bytes.remove_prefix(end + line.size());
  }
  return parts;
}

inline Index count_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Index ended = std::count(text.begin(), text.end(), '\n');
  return text.empty() || text.ends_with('\n') ? ended : ended + 1;
}

// `parts` as they were read: as many as there were files.
inline void expect_sound(const Corpus& corpus, const TextFiles& files,
                         const std::vector<std::string>& parts) {
  const Index pairs =
      corpus.blank + corpus.overlong + std::ssize(corpus.train) + std::ssize(corpus.valid);
  Index lines = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    expect(is_utf8(parts[i]), "a file that is not UTF-8 was read");
    if (i % 2 == 0) lines += count_lines(parts[i]);
    expect(count_lines(parts[i]) == count_lines(parts[i / 2 * 2]), "partners differ in length");
  }
  expect(pairs <= lines, "{} pairs came out of {} lines", pairs, lines);
  expect(!corpus.train.empty() && !corpus.valid.empty() && corpus.test == corpus.valid,
         "there is nothing to train or to test on");

  for (const auto* side : {&corpus.train, &corpus.valid}) {
    for (const auto& [source, target] : *side) {
      const Index longest = std::max(std::ssize(source), std::ssize(target));
      expect(!source.empty() && !target.empty() && longest <= files.max_tokens,
             "a pair of {} and {} tokens was kept", source.size(), target.size());
      expect_encodes(corpus.source_words, source);
      expect_encodes(corpus.target_words, target);
      if (parts.size() == 2 && side == &corpus.valid)
        for (const Pair& pair : corpus.train)
          expect(pair.source != source, "a held-out sentence is trained on");
    }
    const std::vector<Example> examples = corpus.encode(*side);
    for (const BatchOptions options :
         {BatchOptions{}, BatchOptions{.sentences = 3}, BatchOptions{.tokens = 12}})
      expect_batches(examples, options);
  }
  expect_sound(corpus.source_words);
  expect_sound(corpus.target_words);
}

enum class Verdict { refused, read };

inline Verdict try_text(const std::string& bytes) {
  static const glass::fuzz::Folder folder;
  try_tokens(bytes);
  try_phrase(bytes);
  try_vocabulary(bytes);
  try_subwords(bytes);

  std::vector<std::string> parts = parts_of(bytes);
  parts.resize(std::min<std::size_t>(parts.size(), 4));
  if (parts.size() < 2) return Verdict::refused;
  TextFiles files{.max_tokens = 8, .min_count = 1 + std::ssize(bytes) % 2};
  std::array<std::string*, 4> names = {&files.source, &files.target, &files.valid_source,
                                       &files.valid_target};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    *names[i] = (folder / std::to_string(i)).string();
    glass::fuzz::write(*names[i], parts[i]);
  }
  Corpus corpus;
  if (!passes<FileError>([&] { corpus = read_corpus(files); })) return Verdict::refused;
  expect_sound(corpus, files, parts);
  // With subwords there may be no pair that is short enough.
  files.subwords = 1 + std::ssize(bytes) % 50;
  files.joint = bytes.size() % 3 == 0;
  if (passes<FileError>([&] { corpus = read_corpus(files); })) expect_sound(corpus, files, parts);
  return Verdict::read;
}

}  // namespace translate::fuzz
