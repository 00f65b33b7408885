// # Reading parallel text, and padding sentences into batches
#include "examples/translate/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

#include "examples/translate/corpus_subwords.h"

namespace translate {

using glass::check;
using glass::FileError;
using glass::ShapeError;

Example Corpus::encode(const Pair& pair) const {
  return {source_words.encode(pair.source), target_words.encode(pair.target)};
}

std::vector<Example> Corpus::encode(const std::vector<Pair>& pairs) const {
  std::vector<Example> examples;
  for (const Pair& pair : pairs) examples.push_back(encode(pair));
  return examples;
}

std::vector<Example> next_pass(const Corpus& corpus, Rng& rng, double bpe_dropout) {
  if (!corpus.sample && bpe_dropout > 0) return corpus.encode(cut_anew(corpus, bpe_dropout, rng));
  if (!corpus.sample) return corpus.encode(corpus.train);
  std::vector<Example> examples(20'000);
  for (Example& example : examples) example = corpus.encode(corpus.sample(rng));
  return examples;
}

namespace {

// R. A. Fisher and F. Yates: every order is equally likely.
template <class T>
void shuffle(std::vector<T>& values, Rng& rng) {
  for (std::size_t n = values.size(); n > 1; --n)
    std::swap(values[n - 1], values[static_cast<std::size_t>(rng.below(static_cast<Index>(n)))]);
}

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // as Windows writes

}  // namespace

std::string read_text(const std::string& path) {
  std::error_code ignored;
  check<FileError>(!std::filesystem::is_directory(path, ignored),
                   "{}: expected a text file; got a directory", path);
  std::ifstream file(path, std::ios::binary);
  check<FileError>(file.is_open(), "{}: expected a readable text file; cannot open it", path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  check<FileError>(!file.bad(), "{}: expected a readable text file; reading failed", path);
  return text;
}

// ---- files ----

std::vector<std::string> split_lines(std::string_view text, bool begins_file) {
  if (begins_file && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> read_lines(const std::string& path) {
  const std::string text = read_text(path);
  if (const auto bad = find_invalid_utf8(text)) {
    const std::string_view before = std::string_view(text).substr(0, *bad);
    check<FileError>(false, "{}: expected UTF-8; got byte 0x{:02x} at line {}, byte {}", path,
                     static_cast<unsigned char>(text[*bad]),
                     std::count(before.begin(), before.end(), '\n') + 1,
                     before.size() - (before.rfind('\n') + 1) + 1);  // npos + 1 is 0
  }
  std::vector<std::string> lines = split_lines(text);
  check<FileError>(!lines.empty(), "{}: expected one sentence a line; got an empty file", path);
  return lines;
}

LinePairs read_line_pairs(const std::string& first, const std::string& second) {
  LinePairs lines{read_lines(first), read_lines(second)};
  check<FileError>(lines.first.size() == lines.second.size(),
                   "{} and {}: expected as many lines in both; got {} and {}", first, second,
                   lines.first.size(), lines.second.size());
  return lines;
}

namespace {

struct Line {
  Pair pair;
  std::string target;  // as it is in the file
};

// The pairs of two files. The corpus counts the pairs that are left out.
std::vector<Line> read_pairs(Corpus& corpus, const std::string& source, const std::string& target) {
  const auto [sources, targets] = read_line_pairs(source, target);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    // Keep the pair, or count why it is left out.
    Pair pair{tokenize(corpus.unit, sources[i]), tokenize(corpus.unit, targets[i])};
    const bool no_source = pair.source.empty(), no_target = pair.target.empty();
    if (no_source && no_target) continue;
    if (no_source || no_target)
      ++corpus.blank;
    else if (std::ssize(pair.source) > corpus.max_tokens ||
             std::ssize(pair.target) > corpus.max_tokens)
      ++corpus.overlong;
    else
      lines.push_back({std::move(pair), targets[i]});
  }
  check<FileError>(!lines.empty(),
                   "{} and {}: expected sentence pairs of at most {} tokens; got none", source,
                   target, corpus.max_tokens);
  return lines;
}

// Moves a twentieth of the pairs, at most 1,000, from `train` to the result: the same ones in every
// run.
std::vector<Line> hold_out(std::vector<Line>& train) {
  Rng fixed(1);
  shuffle(train, fixed);
  const Index held_out = std::clamp<Index>(std::ssize(train) / 20, 1, 1000);
  std::vector<Line> valid;
  std::move(train.end() - held_out, train.end(), std::back_inserter(valid));
  train.resize(train.size() - static_cast<std::size_t>(held_out));
  return valid;
}

// Real text repeats itself, so a held-out source may also be among the training pairs. Removes such
// training pairs.
void forget_held_out(Corpus& corpus, const std::string& file) {
  std::set<Sentence> sources;
  for (const Pair& pair : corpus.valid) sources.insert(pair.source);
  std::erase_if(corpus.train, [&](const Pair& pair) { return sources.contains(pair.source); });
  check<FileError>(!corpus.train.empty(),
                   "{}: expected two different sentences, one to hold out; got one", file);
}

// The pairs to train on, and those to validate on, with their references.
void read_both(Corpus& corpus, const TextFiles& files) {
  const bool splits = files.valid_source.empty();
  std::vector<Line> train = read_pairs(corpus, files.source, files.target);
  std::vector<Line> valid =
      splits ? hold_out(train) : read_pairs(corpus, files.valid_source, files.valid_target);
  for (Line& line : train) corpus.train.push_back(std::move(line.pair));
  for (Line& line : valid) {
    corpus.valid.push_back(std::move(line.pair));
    corpus.valid_references.push_back(std::move(line.target));
  }
  if (splits) forget_held_out(corpus, files.source);
}

// The words or subwords that the model will know are those of the training pairs, unless they are
// known.
void learn_tokens(Corpus& corpus, const TextFiles& files, const Coding* known) {
  if (corpus.unit == Unit::subwords)
    return cut_into_subwords(corpus, known ? *known : learn_coding(corpus.train, files));
  corpus.source_words = Vocabulary(corpus.train, &Pair::source, files.min_count);
  corpus.target_words = Vocabulary(corpus.train, &Pair::target, files.min_count);
}

}  // namespace

// Training pairs, validation pairs, and the words of the training pairs.
Corpus read_corpus(const TextFiles& files, const Coding* known) {
  check<FileError>(files.valid_source.empty() == files.valid_target.empty(),
                   "read_corpus: expected both validation files or none; got only one");
  Corpus corpus;
  corpus.name = "text";
  corpus.max_tokens = files.max_tokens;
  if (known || files.subwords > 0) corpus.unit = Unit::subwords;
  read_both(corpus, files);
  learn_tokens(corpus, files, known);
  corpus.test = corpus.valid;
  corpus.test_references = corpus.valid_references;
  return corpus;
}

// ---- batches ----

namespace {

// [count, length] ids that are all padding.
std::vector<int> padding(Index count, Index length) {
  return std::vector<int>(static_cast<std::size_t>(count * length), Vocabulary::pad);
}

// Row i of the batch: source </s>, <s> target, and target </s>.
void fill_row(Batch& batch, Index i, const Example& example) {
  const auto& [source, target] = example;
  const auto source_row = batch.source.ids.begin() + i * batch.source.length;
  *std::copy(source.begin(), source.end(), source_row) = Vocabulary::stop;
  const auto in_row = batch.target_in.ids.begin() + i * batch.target_in.length;
  *in_row = Vocabulary::start;
  std::copy(target.begin(), target.end(), in_row + 1);
  const auto out_row = batch.target_out.begin() + i * batch.target_in.length;
  *std::copy(target.begin(), target.end(), out_row) = Vocabulary::stop;
}

}  // namespace

Batch make_batch(std::span<const Example> examples, std::vector<Index> rows) {
  const auto at = [&](Index row) -> const Example& {
    return examples[static_cast<std::size_t>(row)];
  };
  Batch batch;
  batch.examples = std::move(rows);

  // The longest source and target, each with its <s> or </s>, give the batch its size.
  Index source_length = 0, target_length = 0;
  for (const Index row : batch.examples) {
    source_length = std::max(source_length, std::ssize(at(row).source) + 1);
    target_length = std::max(target_length, std::ssize(at(row).target) + 1);
    batch.target_tokens += std::ssize(at(row).target) + 1;
  }
  const Index count = std::ssize(batch.examples);
  batch.source = {count, source_length, padding(count, source_length)};
  batch.target_in = {count, target_length, padding(count, target_length)};
  batch.target_out = padding(count, target_length);

  for (Index i = 0; i < count; ++i)
    fill_row(batch, i, at(batch.examples[static_cast<std::size_t>(i)]));
  return batch;
}

std::vector<Batch> make_batches(std::span<const Example> examples, Rng& rng, BatchOptions options) {
  check<ShapeError>(options.sentences >= 1 && options.tokens >= 0,
                    "make_batches: needs sentences ≥ 1 and tokens ≥ 0; got {} and {}",
                    options.sentences, options.tokens);
  const auto lengths = [&](Index row) {  // longest first of the two, with <s> or </s>
    const auto& [source, target] = examples[static_cast<std::size_t>(row)];
    return std::pair(std::max(std::ssize(source), std::ssize(target)) + 1, std::ssize(target));
  };

  // Sorted by length. The sort is stable and the sentences are shuffled before it, so that
  // sentences of equal length come into other batches in each pass.
  std::vector<Index> order(examples.size());
  std::iota(order.begin(), order.end(), Index{0});
  shuffle(order, rng);
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return lengths(a) < lengths(b); });

  // Each batch takes as many sentences as fit.
  std::vector<Batch> batches;
  for (auto begin = order.begin(); begin != order.end();) {
    auto end = begin + 1;
    const auto fits = [&](auto last) {  // the last row is the longest
      const Index rows = last - begin + 1;
      return rows <= options.sentences &&
             (options.tokens == 0 || rows * lengths(*last).first <= options.tokens);
    };
    while (end != order.end() && fits(end)) ++end;
    batches.push_back(make_batch(examples, {begin, end}));
    begin = end;
  }
  shuffle(batches, rng);
  return batches;
}

}  // namespace translate
