#include "examples/translate/text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

namespace translate {

using glass::check;
using glass::FileError;
using glass::ShapeError;

namespace {

// ---- UTF-8 ----

// Takes one code point off the front of `text`; nothing, and no step, where that is not UTF-8.
std::optional<char32_t> next_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0  // a continuation, or an overlong form
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;  // beyond U+10FFFF
  if (length == 0 || text.size() < length) return {};
  char32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte & 0x3Fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = 0xD800 <= code && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  text.remove_prefix(length);
  return code;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string codes;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view at = rest;
    const auto code = next_code_point(rest);
    check<FileError>(code.has_value(), "tokenize: expected UTF-8; got byte 0x{:02x} at byte {}",
                     static_cast<unsigned char>(at.front()), text.size() - at.size() + 1);
    codes += *code;
  }
  return codes;
}

std::string encode_utf8(std::u32string_view codes) {
  std::string text;
  for (const char32_t code : codes) {
    const auto add = [&](char32_t lead, int shift) {
      text += static_cast<char>(lead | (code >> shift));
      while (shift > 0) text += static_cast<char>(0x80 | ((code >> (shift -= 6)) & 0x3F));
    };
    if (code < 0x80)
      add(0, 0);
    else if (code < 0x800)
      add(0xC0, 6);
    else if (code < 0x10000)
      add(0xE0, 12);
    else
      add(0xF0, 18);
  }
  return text;
}

// ---- letters ----

struct CaseRange {
  char32_t first, last;
  int step;    // 2 where capitals and small letters take turns
  int offset;  // from the capital to the small letter
};

constexpr CaseRange case_ranges[] = {
    {'A', 'Z', 1, 32},      {0xC0, 0xD6, 1, 32},        {0xD8, 0xDE, 1, 32},
    {0x100, 0x12E, 2, 1},   {0x130, 0x130, 1, -199},    {0x132, 0x136, 2, 1},
    {0x139, 0x147, 2, 1},   {0x14A, 0x176, 2, 1},       {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},   {0x1A0, 0x1A4, 2, 1},       {0x1AF, 0x1AF, 1, 1},
    {0x1CD, 0x1DB, 2, 1},   {0x1DE, 0x1EE, 2, 1},       {0x1F8, 0x21E, 2, 1},
    {0x222, 0x232, 2, 1},   {0x386, 0x386, 1, 38},      {0x388, 0x38A, 1, 37},
    {0x38C, 0x38C, 1, 64},  {0x38E, 0x38F, 1, 63},      {0x391, 0x3A1, 1, 32},
    {0x3A3, 0x3AB, 1, 32},  {0x400, 0x40F, 1, 80},      {0x410, 0x42F, 1, 32},
    {0x460, 0x480, 2, 1},   {0x48A, 0x4BE, 2, 1},       {0x4C0, 0x4C0, 1, 15},
    {0x4C1, 0x4CD, 2, 1},   {0x4D0, 0x52E, 2, 1},       {0x531, 0x556, 1, 48},
    {0x1E00, 0x1E94, 2, 1}, {0x1E9E, 0x1E9E, 1, -7615}, {0x1EA0, 0x1EFE, 2, 1},
};

char32_t lower(char32_t code) {
  for (const auto& [first, last, step, offset] : case_ranges)
    if (first <= code && code <= last && (code - first) % static_cast<char32_t>(step) == 0)
      return static_cast<char32_t>(static_cast<int>(code) + offset);
  return code;
}

bool is_space(char32_t c) {
  return c <= 0x20 || (0x7F <= c && c <= 0xA0) || c == 0x1680 || (0x2000 <= c && c <= 0x200B) ||
         (0x2028 <= c && c <= 0x202F) || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

// Punctuation and symbols: a token of its own each.
bool is_mark(char32_t c) {
  if (c < 0x80)
    return !(('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z'));
  return (0xA1 <= c && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA) || c == 0xD7 ||
         c == 0xF7 || (0x2010 <= c && c <= 0x206F) || (0x20A0 <= c && c <= 0x20CF) ||
         (0x2190 <= c && c <= 0x2BFF) || (0x3001 <= c && c <= 0x303F) || c >= 0x1F000;
}

bool is_digit(char32_t c) { return '0' <= c && c <= '9'; }
bool is_letter(char32_t c) { return !is_space(c) && !is_mark(c); }  // or a digit

// ---- words ----

// What French writes before an apostrophe: the shortened word ends there.
bool is_elided(std::u32string_view word) {
  static const std::set<std::u32string_view> elided = {
      U"c", U"d", U"j", U"l", U"m", U"n", U"s", U"t", U"qu", U"jusqu", U"lorsqu", U"puisqu"};
  return elided.contains(word);
}

Sentence words(std::u32string codes) {
  for (char32_t& c : codes) c = c == U'’' ? U'\'' : lower(c);
  const auto letter = [&](std::size_t i) { return i < codes.size() && is_letter(codes[i]); };
  const auto digit = [&](std::size_t i) { return i < codes.size() && is_digit(codes[i]); };

  // Marks that hold a word together: t-shirt, 3.5, 1,000, 12:30.
  const auto inner_mark = [&](std::size_t i) {
    return (codes[i] == '-' && letter(i - 1) && letter(i + 1)) ||
           ((codes[i] == '.' || codes[i] == ',' || codes[i] == ':') && digit(i - 1) &&
            digit(i + 1));
  };

  Sentence tokens;
  for (std::size_t i = 0; i < codes.size();) {
    const std::size_t begin = i++;
    if (is_space(codes[begin])) continue;
    const bool shortened = codes[begin] == '\'' && begin > 0 && letter(begin - 1) && letter(i);
    if (letter(begin) || shortened) {
      while (letter(i) || (i < codes.size() && inner_mark(i))) ++i;
      const std::u32string_view word(codes.data() + begin, i - begin);
      if (i < codes.size() && codes[i] == '\'' && letter(i + 1) && is_elided(word)) ++i;
    }
    tokens.push_back(encode_utf8(std::u32string_view(codes).substr(begin, i - begin)));
  }
  return tokens;
}

std::string join_words(const Sentence& tokens) {
  static const std::set<std::string_view> closing = {".", ",", "!", "?", ";", ":", ")",
                                                     "]", "}", "%", "…", "”", "»", "'"};
  static const std::set<std::string_view> opening = {"(", "[", "{", "„", "«", "‘"};
  std::string text;
  bool glued = true;  // no space before the next token
  std::string_view quote;
  for (const std::string& token : tokens) {
    bool opens = opening.contains(token) || (token.size() > 1 && token.ends_with('\''));
    bool closes = closing.contains(token) || (token.size() > 1 && token.starts_with('\''));
    // The same sign opens and closes in English ("), and “ closes what a German „ opened.
    if (token == "\"" || token == "“" || token == "„" || token == "”") {
      opens = quote.empty();
      closes = !opens;
      quote = opens ? token : "";
    }
    if (!glued && !closes) text += ' ';
    text += token;
    glued = opens;
  }
  return text;
}

}  // namespace

Sentence tokenize(Unit unit, std::string_view text) {
  const std::u32string codes = decode_utf8(text);
  if (unit == Unit::words) return words(codes);
  Sentence tokens;
  for (const char32_t code : codes) tokens.push_back(encode_utf8({&code, 1}));
  return tokens;
}

std::string join(Unit unit, const Sentence& tokens) {
  return unit == Unit::words ? join_words(tokens)
                             : std::accumulate(tokens.begin(), tokens.end(), std::string());
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();)
    if (!next_code_point(rest)) return text.size() - rest.size();
  return {};
}

std::string lower_case(std::string_view text) {
  std::u32string codes = decode_utf8(text);
  for (char32_t& code : codes) code = lower(code);
  return encode_utf8(codes);
}

// ---- numbers for tokens ----

Vocabulary::Vocabulary(std::vector<std::string> words) : words_{"<pad>", "<unk>", "<s>", "</s>"} {
  words_.insert(words_.end(), std::make_move_iterator(words.begin()),
                std::make_move_iterator(words.end()));
  for (int id = 0; id < size(); ++id) {
    check<FileError>(!word(id).empty(), "Vocabulary: no word may be empty; word {} is", id);
    check<FileError>(ids_.emplace(word(id), id).second,
                     "Vocabulary: words must differ; got \"{}\" twice", word(id));
  }
}

Vocabulary::Vocabulary(const std::vector<Pair>& pairs, Sentence Pair::*side, Index min_count)
    : Vocabulary([&] {
        std::map<std::string_view, Index> counts;
        for (const Pair& pair : pairs)
          for (const std::string& word : pair.*side) ++counts[word];
        std::vector<std::pair<Index, std::string>> kept;  // most frequent first: by −count
        for (const auto& [word, count] : counts)
          if (count >= min_count) kept.emplace_back(-count, word);
        std::sort(kept.begin(), kept.end());
        std::vector<std::string> words;
        for (auto& [count, word] : kept) words.push_back(std::move(word));
        return words;
      }()) {}

std::string Vocabulary::to_text() const {
  return fmt::format("{}", fmt::join(words_.begin() + 4, words_.end(), "\n"));
}

Vocabulary Vocabulary::from_text(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
    end = std::min(text.find('\n'), text.size());
    words.emplace_back(text.substr(0, end));
  }
  return Vocabulary(std::move(words));
}

int Vocabulary::id(std::string_view word) const {
  const auto found = ids_.find(word);
  return found == ids_.end() ? unknown : found->second;
}

const std::string& Vocabulary::word(int id) const {
  check<ShapeError>(0 <= id && id < size(), "Vocabulary: expected an id below {}; got {}", size(),
                    id);
  return words_[static_cast<std::size_t>(id)];
}

std::vector<int> Vocabulary::encode(const Sentence& sentence) const {
  std::vector<int> ids;
  for (const std::string& word : sentence) ids.push_back(id(word));
  return ids;
}

Sentence Vocabulary::decode(std::span<const int> ids) const {
  Sentence sentence;
  for (const int id : ids) {
    if (id == stop) break;
    if (id != pad && id != start) sentence.push_back(word(id));
  }
  return sentence;
}

// ---- what a translator learns from ----

Example Corpus::encode(const Pair& pair) const {
  return {source_words.encode(pair.source), target_words.encode(pair.target)};
}

std::vector<Example> Corpus::encode(const std::vector<Pair>& pairs) const {
  std::vector<Example> examples;
  for (const Pair& pair : pairs) examples.push_back(encode(pair));
  return examples;
}

std::vector<Example> next_pass(const Corpus& corpus, Rng& rng) {
  if (!corpus.sample) return corpus.encode(corpus.train);
  std::vector<Example> examples(20'000);
  for (Example& example : examples) example = corpus.encode(corpus.sample(rng));
  return examples;
}

namespace {

template <class T>
void shuffle(std::vector<T>& values, Rng& rng) {
  for (std::size_t n = values.size(); n > 1; --n)
    std::swap(values[n - 1], values[static_cast<std::size_t>(rng.below(static_cast<Index>(n)))]);
}

std::vector<std::string> read_lines(const std::string& path) {
  std::error_code ignored;
  check<FileError>(!std::filesystem::is_directory(path, ignored),
                   "{}: expected a text file; got a directory", path);
  std::ifstream file(path, std::ios::binary);
  check<FileError>(file.is_open(), "{}: expected a readable text file; cannot open it", path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  check<FileError>(!file.bad(), "{}: expected a readable text file; reading failed", path);

  if (const auto bad = find_invalid_utf8(text)) {
    const std::string_view before = std::string_view(text).substr(0, *bad);
    check<FileError>(false, "{}: expected UTF-8; got byte 0x{:02x} at line {}, byte {}", path,
                     static_cast<unsigned char>(text[*bad]),
                     std::count(before.begin(), before.end(), '\n') + 1,
                     before.size() - (before.rfind('\n') + 1) + 1);  // npos + 1 is 0
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a byte order mark, as Windows writes
  check<FileError>(!text.empty(), "{}: expected one sentence a line; got an empty file", path);

  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

std::vector<Pair> read_pairs(Corpus& corpus, const std::string& source, const std::string& target) {
  const auto sources = read_lines(source), targets = read_lines(target);
  check<FileError>(sources.size() == targets.size(),
                   "{} and {}: expected as many lines in both; got {} and {}", source, target,
                   sources.size(), targets.size());
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Pair pair{tokenize(corpus.unit, sources[i]), tokenize(corpus.unit, targets[i])};
    const bool no_source = pair.source.empty(), no_target = pair.target.empty();
    if (no_source && no_target) continue;
    if (no_source || no_target)
      ++corpus.blank;
    else if (std::ssize(pair.source) > corpus.max_tokens ||
             std::ssize(pair.target) > corpus.max_tokens)
      ++corpus.overlong;
    else
      pairs.push_back(std::move(pair));
  }
  check<FileError>(!pairs.empty(),
                   "{} and {}: expected sentence pairs of at most {} tokens; got none", source,
                   target, corpus.max_tokens);
  return pairs;
}

}  // namespace

Corpus read_corpus(const TextFiles& files) {
  check<FileError>(files.valid_source.empty() == files.valid_target.empty(),
                   "read_corpus: expected both validation files or none; got only one");
  Corpus corpus;
  corpus.name = "text";
  corpus.max_tokens = files.max_tokens;
  corpus.train = read_pairs(corpus, files.source, files.target);
  if (!files.valid_source.empty()) {
    corpus.valid = read_pairs(corpus, files.valid_source, files.valid_target);
  } else {
    Rng fixed(1);  // the same split in every run
    shuffle(corpus.train, fixed);
    const Index held_out = std::clamp<Index>(std::ssize(corpus.train) / 20, 1, 1000);
    corpus.valid.assign(corpus.train.end() - held_out, corpus.train.end());

    // Real text repeats itself: a held-out sentence may stand elsewhere in the file, too.
    std::set<Sentence> sources;
    for (const Pair& pair : corpus.valid) sources.insert(pair.source);
    std::erase_if(corpus.train, [&](const Pair& pair) { return sources.contains(pair.source); });
    check<FileError>(!corpus.train.empty(),
                     "{}: expected two different sentences, one to hold out; got one",
                     files.source);
  }
  corpus.test = corpus.valid;
  corpus.source_words = Vocabulary(corpus.train, &Pair::source, files.min_count);
  corpus.target_words = Vocabulary(corpus.train, &Pair::target, files.min_count);
  return corpus;
}

// ---- batches ----

Batch make_batch(std::span<const Example> examples, std::vector<Index> rows) {
  Batch batch;
  batch.examples = std::move(rows);
  const Index count = std::ssize(batch.examples);
  Index source_length = 0, target_length = 0;
  for (const Index row : batch.examples) {
    const Example& example = examples[static_cast<std::size_t>(row)];
    source_length = std::max(source_length, std::ssize(example.source) + 1);
    target_length = std::max(target_length, std::ssize(example.target) + 1);
    batch.target_tokens += std::ssize(example.target) + 1;
  }
  const auto padding = [](Index n) {
    return std::vector<int>(static_cast<std::size_t>(n), Vocabulary::pad);
  };
  batch.source = {count, source_length, padding(count * source_length)};
  batch.target_in = {count, target_length, padding(count * target_length)};
  batch.target_out = padding(count * target_length);
  for (Index i = 0; i < count; ++i) {
    const auto& [source, target] =
        examples[static_cast<std::size_t>(batch.examples[static_cast<std::size_t>(i)])];
    const auto source_row = batch.source.ids.begin() + i * source_length;
    *std::copy(source.begin(), source.end(), source_row) = Vocabulary::stop;
    const auto in_row = batch.target_in.ids.begin() + i * target_length;
    *in_row = Vocabulary::start;
    std::copy(target.begin(), target.end(), in_row + 1);
    const auto out_row = batch.target_out.begin() + i * target_length;
    *std::copy(target.begin(), target.end(), out_row) = Vocabulary::stop;
  }
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

  // Shuffled before the stable sort, so that sentences of one length meet others every time.
  std::vector<Index> order(examples.size());
  std::iota(order.begin(), order.end(), Index{0});
  shuffle(order, rng);
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return lengths(a) < lengths(b); });

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
