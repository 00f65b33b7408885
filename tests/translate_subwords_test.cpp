// # Subwords
//
// Any text can be cut into subwords and joined again; the merges are those of a plain learner; and
// a language without spaces can be trained on, to the end.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "examples/translate/corpus_subwords.h"
#include "examples/translate/marks.h"
#include "examples/translate/picture.h"
#include "examples/translate/pieces.h"
#include "examples/translate/report_data.h"
#include "examples/translate/tasks.h"
#include "examples/translate/training.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace translate_subwords_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;
using glass::FileError;
using glass::files::Folder;

namespace {

const std::string corpora = GLASS_SOURCE_DIR "/tests/corpora/";

PieceCounts counts_of(const std::vector<std::string>& texts) {
  PieceCounts counts;
  for (const std::string& text : texts)
    for (const std::string& piece : tokenize(Unit::subwords, text)) ++counts[piece];
  return counts;
}

// Both languages of the small corpus, line by line.
std::vector<std::string> small_texts() {
  std::vector<std::string> texts = read_lines(corpora + "small.zh");
  for (std::string& line : read_lines(corpora + "small.en")) texts.push_back(std::move(line));
  return texts;
}

const Subwords& small_subwords() {
  static const Subwords subwords = Subwords::learn(counts_of(small_texts()), 150, 2);
  return subwords;
}

// A random text of all that is hard: several scripts, spaces of all kinds, control characters,
// marks that look like tokens, and any code point.
std::string random_text(Rng& rng) {
  static const std::vector<std::string> parts = {
      "a",      "cat",     " cats",   "The",  " ",    "  ",   "\t",     "\n",     "\r\n",
      "\u00A0", "\u3000",  "猫",      "我有", "カタ", "ひ",   "ไทย",    "ิ",       "한국",
      "é",      "e\u0301", "ß",       "İ",    "Σ",    "🦉", "🇩🇪",     "।",      "<pad>",
      "<0x41>", "▁",       "■",       "'s",   "l'",   "…",    "\u200B", "\u202E", "\u0001",
      "\x7F",   "3.14",    "t-shirt", "。",   "？",   "，",   "𠀀",     "\uFFFD"};
  std::string text;
  for (Index n = rng.below(12); n > 0; --n) {
    if (rng.below(4) > 0) {
      text += parts[static_cast<std::size_t>(rng.below(std::ssize(parts)))];
      continue;
    }
    auto code = static_cast<char32_t>(rng.below(0x110000));
    if (0xD800 <= code && code <= 0xDFFF) code = U'x';
    text += encode_utf8({&code, 1});
  }
  return text;
}

// A text without spaces at its ends, in lower case, with spaces for control characters.
std::string normal(const std::string& text) {
  std::u32string codes = lower_case(decode_utf8(text));
  for (char32_t& c : codes)
    if (c < 0x20 || (0x7F <= c && c < 0xA0)) c = U' ';
  while (!codes.empty() && is_space(codes.back())) codes.pop_back();
  while (!codes.empty() && is_space(codes.front())) codes.erase(0, 1);
  return encode_utf8(codes);
}

// ---- the plain learner ----

using Tokens = std::pair<std::string, std::string>;

// Counts all pairs again for each merge.
std::vector<Tokens> plain_merges(const PieceCounts& counts, Index merges, Index min_count) {
  // Pieces as characters. A rare character is a token that is in no pair: here an empty one.
  std::map<std::string, Index> characters;
  for (const auto& [piece, count] : counts)
    for (const std::string& c : tokenize(Unit::characters, piece)) characters[c] += count;
  std::vector<std::pair<Sentence, Index>> pieces;
  for (const auto& [piece, count] : counts) {
    pieces.emplace_back(tokenize(Unit::characters, piece), count);
    for (std::string& c : pieces.back().first)
      if (characters[c] < min_count) c.clear();
  }

  std::vector<Tokens> result;
  while (std::ssize(result) < merges) {
    std::map<Tokens, Index> pairs;  // by alphabet
    for (const auto& [tokens, count] : pieces)
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
        if (!tokens[i].empty() && !tokens[i + 1].empty())
          pairs[{tokens[i], tokens[i + 1]}] += count;
    for (const Tokens& merged : result) pairs.erase(merged);
    // max_element gives the first of equals.
    const auto best = std::ranges::max_element(pairs, {}, [](const auto& p) { return p.second; });
    if (best == pairs.end() || best->second < 2) break;
    const auto [left, right] = best->first;
    for (auto& [tokens, count] : pieces)
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
        if (tokens[i] == left && tokens[i + 1] == right) {
          tokens[i] += right;
          tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    result.emplace_back(left, right);
  }
  return result;
}

std::vector<Tokens> merges_of(const Subwords& subwords) {
  std::vector<Tokens> merges;
  std::istringstream lines(subwords.to_text());
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t tab = line.find('\t'); tab != std::string::npos)
      merges.emplace_back(line.substr(0, tab), line.substr(tab + 1));
  return merges;
}

}  // namespace

// ---- pieces ----

TEST_CASE("a text is cut into pieces as the table says") {
  const std::vector<std::pair<std::string, Sentence>> table = {
      {"", {}},
      {"two dogs.", {"two", " dogs", "."}},
      {"two  dogs ", {"two", " ", " dogs", " "}},
      {"it's (3.5)", {"it", "'", "s", " (", "3", ".", "5", ")"}},
      {"我有Linux。", {"我有", "linux", "。"}},
      {"我 有", {"我", " 有"}},
      {"カタカナとひらがな", {"カタカナとひらがな"}},
      {"ผมชอบแมว", {"ผมชอบแมว"}},
      {"กิ่งไม้ที่", {"กิ่งไม้ที่"}},
      {"عَرَبِيّ لا", {"عَرَبِيّ", " لا"}},
      {"나는 고양이를", {"나는", " 고양이를"}},
      {"a\tb\u00A0c", {"a", "\t", "b", "\u00A0", "c"}},
      {"<pad> <0x41>", {"<", "pad", ">", " <", "0x41", ">"}},
  };
  for (const auto& [text, expected] : table) {
    INFO(text);
    CHECK(pieces(lower_case(text)) == expected);
  }
  // The first word has a space as the others do; scripts without spaces have none.
  CHECK(tokenize(Unit::subwords, " Two dogs ") == Sentence{" two", " dogs"});
  CHECK(tokenize(Unit::subwords, "\u3000我有\n") == Sentence{"我有"});
  CHECK(tokenize(Unit::subwords, " \t\u3000").empty());
  CHECK_THROWS_AS(tokenize(Unit::subwords, "\xFF"), FileError);
}

TEST_CASE("a word of any length is cut, since a piece has a longest length") {
  for (const std::string part : {"a", "猫"}) {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += part;
    for (const std::string& piece : pieces(text)) CHECK(decode_utf8(piece).size() <= longest_piece);
    CHECK(bytes_of(small_subwords().cut(pieces(text))) == text);
  }
}

// ---- round trip ----

TEST_CASE("any text comes back from its subwords, however they are cut") {
  const std::vector<Subwords> encodings = {Subwords(), small_subwords(),
                                           Subwords::learn(counts_of({"a b c"}), 5, 1)};
  Rng rng(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_text(rng);
    INFO(fmt::format("{:?}", text));
    const Sentence raw = pieces(text), normal_pieces = tokenize(Unit::subwords, text);
    CHECK(fmt::format("{}", fmt::join(raw, "")) == text);
    CHECK(join(Unit::subwords, normal_pieces) == normal(text));
    for (const Subwords& subwords : encodings) {
      const Vocabulary words(subwords.tokens());
      for (const double dropout : {0.0, 0.1, 0.7}) {
        CHECK(bytes_of(subwords.cut(raw, dropout, rng)) == text);
        const Sentence tokens = subwords.cut(normal_pieces, dropout, rng);
        CHECK(join(Unit::subwords, tokens) == normal(text));
        // Nothing is unknown, so the numbers lose nothing either.
        CHECK(words.decode(words.encode(tokens)) == tokens);
      }
      CHECK(subwords.cut(normal_pieces, 0, rng) == subwords.cut(normal_pieces));
    }
  }
}

TEST_CASE("a character that was not learnt is its bytes, and bytes are joined to characters") {
  CHECK(small_subwords().cut("犬") == Sentence{"<0xE7>", "<0x8A>", "<0xAC>"});
  CHECK(join(Unit::subwords, {"<0xE7>", "<0x8A>", "<0xAC>"}) == "犬");
  // A translation is one line, whatever bytes a model writes.
  CHECK(join(Unit::subwords, {" a", "<0x0A>", "b", "<0x1B>", "<0xC2>", "<0x85>"}) == "a b  ");
  CHECK(bytes_of({" a", "<0x0A>", "b"}) == " a\nb");
  // A model may write bytes that are no UTF-8.
  CHECK(join(Unit::subwords, {" a", "<0xE7>", "<0x8A>", "b", "<0xFF>"}) == "a\uFFFD\uFFFDb\uFFFD");
}

// ---- learning ----

TEST_CASE("the merges are those of the plain learner") {
  // Real text; words of three letters only, with many overlaps and ties; long pieces.
  std::vector<PieceCounts> corpora_counts = {counts_of(small_texts())};
  Rng rng(3);
  for (const Index longest : {4, 30}) {
    PieceCounts counts;
    for (int i = 0; i < 40; ++i) {
      std::string piece;
      for (Index n = 1 + rng.below(longest); n > 0; --n) piece += "abc"[rng.below(3)];
      counts[piece] += 1 + rng.below(5);
    }
    corpora_counts.push_back(counts);
  }
  for (const PieceCounts& counts : corpora_counts)
    for (const Index min_count : {1, 2, 6}) {
      const Subwords subwords = Subwords::learn(counts, 120, min_count);
      CHECK(merges_of(subwords) == plain_merges(counts, 120, min_count));
      CHECK(subwords.merges() == std::ssize(merges_of(subwords)));
    }
}

TEST_CASE("of equally frequent pairs the first by alphabet is merged, and none that occurs once") {
  const Subwords subwords = Subwords::learn({{"dc", 2}, {"ba", 2}, {"bc", 2}, {"xy", 1}}, 10, 1);
  CHECK(merges_of(subwords) == std::vector<Tokens>{{"b", "a"}, {"b", "c"}, {"d", "c"}});
  CHECK(Subwords::learn({{"dc", 2}, {"ba", 2}}, 1, 1).merges() == 1);
  CHECK(Subwords::learn({}, 10, 1) == Subwords());
  CHECK_THROWS_AS(Subwords::learn({{"\xFF", 1}}, 10, 1), FileError);
}

TEST_CASE("a piece is cut by the merges in the order in which they were learnt") {
  const Subwords subwords = Subwords::from_text("a\nb\nc\nb\tc\na\tb\nab\tc\na\tbc");
  CHECK(subwords.cut("abc") == Sentence{"abc"});
  CHECK(subwords.cut("ab") == Sentence{"ab"});
  CHECK(subwords.cut("abab") == Sentence{"ab", "ab"});
  CHECK(subwords.cut("abbc") == Sentence{"ab", "bc"});
  CHECK(std::ranges::count(subwords.tokens(), "abc") == 1);  // by two merges
  CHECK(std::ranges::size(subwords.tokens()) == 256 + 3 + 3);
}

// ---- dropout ----

TEST_CASE("dropout leaves out merges, more of them the larger it is, and by the random stream") {
  const Subwords& subwords = small_subwords();
  const Sentence text = tokenize(Unit::subwords, "she is drinking coffee. 我的猫在睡觉。");
  const Sentence whole = subwords.cut(text);
  std::size_t characters = 0;
  for (const std::string& piece : text) characters += decode_utf8(piece).size();
  Rng rng(1);
  const auto mean_length = [&](double dropout) {
    double sum = 0;
    for (int i = 0; i < 300; ++i)
      sum += static_cast<double>(subwords.cut(text, dropout, rng).size());
    return sum / 300;
  };
  const double few = mean_length(0.1), many = mean_length(0.5);
  CHECK(few > static_cast<double>(whole.size()) + 0.5);
  CHECK(many > few + 0.5);
  CHECK(many < static_cast<double>(characters));
  CHECK(subwords.cut(text, 1, rng).size() == characters);

  Rng same = rng;
  CHECK(subwords.cut(text, 0.5, rng) == subwords.cut(text, 0.5, same));
}

// The word "ab" has one merge, which is possible once: it is left out as often as dropout says.
TEST_CASE("a merge is left out with the probability that dropout says") {
  const Subwords subwords = Subwords::from_text("a\nb\na\tb");
  Rng rng(5);
  int left_out = 0;
  for (int i = 0; i < 10'000; ++i) left_out += subwords.cut(Sentence{"ab"}, 0.3, rng).size() == 2;
  CHECK(left_out > 2850);  // more than three standard deviations of 46 around 3,000
  CHECK(left_out < 3150);
}

// ---- as text ----

TEST_CASE("subwords survive as text, and other text is refused briefly") {
  const Subwords& subwords = small_subwords();
  const Subwords again = Subwords::from_text(subwords.to_text());
  CHECK(again == subwords);
  CHECK(again.tokens() == subwords.tokens());
  CHECK(Subwords::from_text("") == Subwords());
  for (const std::string& text :
       {std::string("ab"), std::string("a\na"), std::string("\n"), std::string("a\tb"),
        std::string("a\nb\na\tb\na\tb"), std::string("a\nb\na\tb\nc"), std::string("a\n\ta"),
        std::string("a\na\ta\ta"), std::string("<0x41>\ta"), std::string("a\n<0x41>\ta"),
        std::string("\xFF"), std::string(100'000, 'x')}) {
    INFO(text.substr(0, 20));
    std::string message;
    try {
      (void)Subwords::from_text(text);
    } catch (const FileError& error) {
      message = error.what();
    }
    CHECK(!message.empty());
    CHECK(message.size() < 300);
  }
}

// ---- words among subwords ----

TEST_CASE("subwords are joined to words where the text has words") {
  const std::vector<std::pair<Sentence, std::vector<std::string>>> table = {
      {{}, {}},
      {{" tw", "o", " dog", "s", "."}, {"two", "dogs", "."}},
      {{" ", "two", "■"}, {"two", "■"}},
      {{" it", "'", "s"}, {"it", "'", "s"}},
      {{"我", "有", "两只"}, {"我", "有", "两只"}},
      {{"我", "linux", "x", "有"}, {"我", "linuxx", "有"}},
      {{" a", "<0xE7>", "<0x8A>", "<0xAC>", "b"}, {"a", "犬", "b"}},
      {{" ", " a"}, {"␣", "a"}},
  };
  for (const auto& [tokens, words] : table) {
    INFO(fmt::format("{}", fmt::join(tokens, "|")));
    CHECK(texts_of(whole_words(tokens)) == words);
    Index count = 0;
    for (const Word& word : whole_words(tokens)) count += word.count;
    CHECK(count == std::ssize(tokens));
  }
  CHECK(visible({" dog", "s", " ", "■"}) == Sentence{"▁dog", "s", "▁", "■"});
}

TEST_CASE("a word has the sum of its subwords' weights, and the mean of their rows") {
  const glass::Tensor weights =
      glass::tensor({{0.5, 0.25, 0.25}, {0.0, 0.5, 0.5}, {1.0, 0.0, 0.0}});
  const std::vector<Word> source = {{"ab", 2}, {"c", 1}}, target = {{"x", 1}, {"yz", 2}};
  CHECK(allclose(join_weights(weights, source, target), glass::tensor({{0.75, 0.25}, {0.75, 0.25}}),
                 1e-6));
}

// ---- the corpus ----

namespace {

TextFiles small_files() {
  return {.source = corpora + "small.zh",
          .target = corpora + "small.en",
          .valid_source = corpora + "small.zh",
          .valid_target = corpora + "small.en",
          .subwords = 150};
}

Options small_options(const TextFiles& files) {
  Options o;
  o.files = files;
  o.recipe = {.dim = 48, .heads = 4, .layers = 1, .hidden = 96, .tied = true, .dropout = 0};
  o.recipe.steps = 350, o.recipe.epochs = 0;
  o.recipe.batch = 16;
  o.recipe.rate = 4e-3, o.recipe.warmup = 30, o.recipe.smoothing = 0;
  o.recipe.validate_every = 175;
  return o;
}

std::string text_of(const Sentence& tokens) { return join(Unit::subwords, tokens); }

// The lines of a picture between its bars, and before the first bar.
std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a corpus of subwords says the same as its files, and knows all of its tokens") {
  for (const bool joint : {false, true}) {
    TextFiles files = small_files();
    files.joint = joint;
    const Corpus corpus = read_corpus(files);
    CHECK(corpus.unit == Unit::subwords);
    CHECK(corpus.train.size() == 62);
    const auto sources = read_lines(files.source), targets = read_lines(files.target);
    for (std::size_t i = 0; i < corpus.train.size(); ++i) {
      CHECK(text_of(corpus.train[i].source) == lower_case(sources[i]));
      CHECK(text_of(corpus.train[i].target) == lower_case(targets[i]));
    }
    for (const Example& example : corpus.encode(corpus.train)) {
      CHECK(std::ranges::count(example.source, Vocabulary::unknown) == 0);
      CHECK(std::ranges::count(example.target, Vocabulary::unknown) == 0);
    }
    CHECK(corpus.coding.joint == joint);
    CHECK((corpus.coding.source == corpus.coding.target) == joint);
    CHECK((corpus.source_words.size() == corpus.target_words.size()) == joint);
  }
}

TEST_CASE("with dropout a pass says the same in other subwords, within the longest length") {
  TextFiles files = small_files();
  files.max_tokens = 12;
  const Corpus corpus = read_corpus(files);
  Rng rng(1), same(1);
  const auto pass = next_pass(corpus, rng, 0.3);
  const auto plain = corpus.encode(corpus.train);
  REQUIRE(pass.size() == plain.size());
  int other = 0;
  for (std::size_t i = 0; i < pass.size(); ++i) {
    CHECK(text_of(corpus.source_words.decode(pass[i].source)) == text_of(corpus.train[i].source));
    CHECK(text_of(corpus.target_words.decode(pass[i].target)) == text_of(corpus.train[i].target));
    CHECK(pass[i].source.size() <= 12);
    CHECK(pass[i].target.size() <= 12);
    other += pass[i].target != plain[i].target;
  }
  CHECK(other > 20);
  CHECK(next_pass(corpus, same, 0.3)[5].target == pass[5].target);
  CHECK(next_pass(corpus, same, 0.3).front().target != std::vector<int>{});
}

TEST_CASE("pairs of too many subwords are left out and counted, and none at all is an error") {
  TextFiles files = small_files();
  files.subwords = 1;
  files.max_tokens = 15;
  const Corpus corpus = read_corpus(files);
  CHECK(corpus.overlong > 0);
  CHECK(std::ssize(corpus.train) + std::ssize(corpus.valid) + corpus.overlong == 124);
  CHECK(corpus.valid.size() == corpus.valid_references.size());
  CHECK(corpus.test == corpus.valid);
  files.max_tokens = 5;
  CHECK_THROWS_WITH(read_corpus(files), ContainsSubstring("at most 5 subwords"));
}

TEST_CASE("a text that has fewer merges than were asked for is noted") {
  TextFiles files = small_files();
  CHECK(missing_merges(read_corpus(files).coding, files.subwords).find("150") != std::string::npos);
  files.subwords = 20;
  CHECK(missing_merges(read_corpus(files).coding, files.subwords) == "");
  CHECK(missing_merges(Coding{}, 0) == "");  // words
  files.subwords = 9999;
  for (const bool joint : {false, true}) {
    files.joint = joint;
    const Coding coding = read_corpus(files).coding;
    CHECK(coding.source.merges() < 200);
    const std::string note = missing_merges(coding, 9999);
    CHECK_THAT(note, ContainsSubstring("--subwords 9999: the text has fewer merges, "));
    CHECK_THAT(note,
               ContainsSubstring(
                   joint ? fmt::format("{} in both languages together; ", coding.source.merges())
                         : fmt::format("{} in the source and {} in the target; ",
                                       coding.source.merges(), coding.target.merges())));
  }
}

TEST_CASE("words of a language without spaces are noted, and subwords recommended") {
  TextFiles files = small_files();
  CHECK(sentences_as_words(read_corpus(files)) == "");
  files.subwords = 0;
  CHECK_THAT(sentences_as_words(read_corpus(files)),
             ContainsSubstring("the source writes no spaces") && ContainsSubstring("--subwords"));
  std::swap(files.source, files.target);
  std::swap(files.valid_source, files.valid_target);
  CHECK_THAT(sentences_as_words(read_corpus(files)),
             ContainsSubstring("the target writes no spaces"));
  files.source = files.target, files.valid_source = files.valid_target;
  CHECK_THAT(sentences_as_words(read_corpus(files)),
             ContainsSubstring("the source and the target write no spaces"));
  files.source = files.target = corpora + "small.en";
  files.valid_source = files.valid_target = files.source;
  CHECK(sentences_as_words(read_corpus(files)) == "");
  CHECK(sentences_as_words(make_task("reverse")) == "");
}

// ---- training and use ----

TEST_CASE("Chinese trains to the end: sentences come out right, are saved, and are shown") {
  const Folder folder;
  TextFiles files = small_files();
  files.joint = true;
  Options options = small_options(files);
  options.recipe.bpe_dropout = 0.05;
  const Corpus corpus = read_corpus(files);
  Translator translator = Translator::create(corpus, options);
  CHECK(translator.model.options.shared);
  Trainer trainer(translator, corpus, options);
  const Training training = trainer.run({});
  CHECK(training.steps == 350);
  const Marks marks = mark(translator, corpus, {.beams = 2});
  CHECK(marks.exact_match > 0.9);
  REQUIRE(marks.bleu);
  CHECK(marks.bleu->score > 90);
  CHECK(translator.translate("我有两只猫。") == "i have two cats.");
  CHECK(translator.translate("　") == "");

  // The file has all that is needed, also to train further.
  translator.save(folder / "model");
  const Translator loaded = Translator::load(folder / "model");
  CHECK(loaded.unit == Unit::subwords);
  CHECK(loaded.coding.joint);
  CHECK(loaded.coding.source == corpus.coding.source);
  CHECK(loaded.model.options.shared);
  CHECK(loaded.translate("我有两只猫。") == "i have two cats.");
  CHECK(loaded.translate("犬 Zürich?") == translator.translate("犬 Zürich?"));
  const std::vector<Example> test = corpus.encode(corpus.test);
  CHECK(mean_loss(loaded.copy(), test) == mean_loss(translator, test));
  const Corpus again = read_corpus(files, &loaded.coding);
  CHECK(again.train == corpus.train);
  CHECK(again.source_words.size() == corpus.source_words.size());

  // The report has the words to which the page joins the subwords.
  const Report report = make_report(translator, corpus, options, training, {}, marks);
  for (const Sample& s : report.samples) {
    Index sources = 0, targets = 0;
    for (const Word& word : s.source_words) sources += word.count;
    for (const Word& word : s.target_words) targets += word.count;
    CHECK(sources == s.weights->size(3));
    CHECK(targets == s.weights->size(2));
  }
  const auto data = nlohmann::json::parse(report_json(report));
  CHECK(data["samples"][0]["sourceText"] == "我喜欢猫。");
  CHECK(data["samples"][0]["sourceWords"].back() == nlohmann::json({"■", 1}));
}

TEST_CASE("a language without spaces is marked by its characters, and others by their words") {
  const auto score = [](const std::string& translation, const std::string& reference) {
    const std::vector references = {reference};
    return bleu(std::vector{translation}, references, bleu_options_for(references)).score;
  };
  // 4 of 5 characters, 2 of 4 pairs, 1 of 3 triples, and no quadruple of 2, which counts as 1/2.
  CHECK(std::abs(score("我喜欢猫。", "我喜欢狗。") - 100 * std::pow(1.0 / 30, 0.25)) < 1e-9);
  CHECK(std::abs(score("I 在用 PC 看书。", "我在用 pc 看书。") -
                 100 * std::pow(7.0 / 8 * 6 / 7 * 5 / 6 * 4 / 5, 0.25)) < 1e-9);
  CHECK(score("ผมชอบแมว", "ผมชอบหมา") > 50);
  CHECK(score("two cats sleep now", "two cats sleep here") ==
        bleu(std::vector<std::string>{"two cats sleep now"},
             std::vector<std::string>{"two cats sleep here"})
            .score);

  const auto by_characters = [](const std::vector<std::string>& references) {
    return is_mostly_unspaced(references);
  };
  CHECK(by_characters({"我喜欢猫。"}));
  CHECK(by_characters({"", "我在用 Linux 看书。", "私はこの本が好きです。"}));
  CHECK(!by_characters({"i like cats. 猫"}));
  CHECK(!by_characters({"나는 고양이를 좋아한다."}));
  CHECK(!by_characters({"", "。 3,5"}));
  CHECK(!by_characters({}));
}

TEST_CASE("a training into Chinese knows its best weights by BLEU") {
  TextFiles files = small_files();
  std::swap(files.source, files.target);
  std::swap(files.valid_source, files.valid_target);
  const Options options = small_options(files);
  const Corpus corpus = read_corpus(files);
  Translator translator = Translator::create(corpus, options);
  CHECK(valid_score(translator, corpus) < 50);
  Trainer(translator, corpus, options).run({});
  const Marks marks = mark(translator, corpus, {});
  REQUIRE(marks.bleu);
  CHECK(marks.bleu->score > 90);
  CHECK(valid_score(translator, corpus) == marks.bleu->score);
  CHECK(translator.translate("I have two cats.") == "我有两只猫。");
}

TEST_CASE("two vocabularies and two tables are saved and loaded, too") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_files());
  const Translator translator = Translator::create(corpus, small_options(small_files()));
  CHECK(!translator.model.options.shared);
  translator.save(folder / "model");
  const Translator loaded = Translator::load(folder / "model");
  CHECK(!loaded.coding.joint);
  CHECK(loaded.coding.source == corpus.coding.source);
  CHECK(loaded.coding.target == corpus.coding.target);
  CHECK(loaded.translate("我有") == translator.translate("我有"));

  // A file whose subwords make no sense is refused.
  auto notes = translator.notes();
  notes["source_subwords"] = "ab";
  glass::nn::save(translator.model, folder / "model", notes);
  CHECK_THROWS_AS(Translator::load(folder / "model"), FileError);
}

TEST_CASE("a training with dropout of merges resumes with the same bits") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_files());
  Options options = small_options(small_files());
  options.recipe.steps = 12;
  options.recipe.validate_every = 0;
  options.recipe.bpe_dropout = 0.2;
  const auto run = [&](const std::string& file, bool resume, Index until) {
    Translator translator = Translator::create(corpus, options);
    Trainer trainer(translator, corpus, options);
    if (resume) trainer.resume(folder / file);
    Watcher watcher;
    watcher.stop = [&] { return trainer.step() >= until; };
    const double loss = trainer.run(watcher).loss;
    trainer.save(folder / file);
    return loss;
  };
  const double whole = run("whole", false, 100);
  run("part", false, 6);  // in the second pass
  CHECK(run("part", true, 100) == whole);

  options.recipe.bpe_dropout = 0.1;
  Translator translator = Translator::create(corpus, options);
  CHECK_THROWS_WITH(Trainer(translator, corpus, options).resume(folder / "part"),
                    ContainsSubstring("--bpe-dropout was 0.2 and is 0.1"));
}

TEST_CASE("passes of different lengths end with the last batch of the last pass") {
  const Corpus corpus = read_corpus(small_files());
  Options options = small_options(small_files());
  options.recipe.steps = -1, options.recipe.epochs = 3;
  options.recipe.tokens = 30, options.recipe.batch = 100;
  options.recipe.validate_every = 0, options.recipe.bpe_dropout = 0.3;
  for (options.seed = 1; options.seed <= 5; ++options.seed) {
    Translator translator = Translator::create(corpus, options);
    Trainer trainer(translator, corpus, options);
    std::map<Index, Index> batches;  // of each pass
    Index last_promise = 0;
    std::vector<Index> validated;
    Watcher watcher;
    watcher.progress = [&](const Progress& p) {
      ++batches[p.epoch];
      last_promise = p.steps;
      CHECK(p.step <= p.steps);
    };
    watcher.validated = [&](const Progress& p, const ValidPoint&) { validated.push_back(p.step); };
    const Training training = trainer.run(watcher);
    REQUIRE(batches.size() == 3);
    CHECK((batches[1] != batches[2] || batches[2] != batches[3]));
    CHECK(training.steps == batches[1] + batches[2] + batches[3]);
    CHECK(last_promise == training.steps);
    CHECK(validated == std::vector{batches[1], batches[1] + batches[2], training.steps});
  }
}

TEST_CASE("subwords that are cut otherwise but say the same are right") {
  const Corpus corpus = read_corpus(small_files());
  const Translator translator = Translator::create(corpus, small_options(small_files()));
  const Sentence tokens = corpus.train[0].target,
                 characters = tokenize(Unit::characters, " i like cats.");
  const Vocabulary& words = corpus.target_words;
  CHECK(tokens != characters);
  CHECK(translator.is_right(words.encode(characters), words.encode(tokens)));
  CHECK(!translator.is_right(words.encode({" i"}), words.encode(tokens)));
}

TEST_CASE("an axis names every token that the model wrote, also those that a text leaves out") {
  const Corpus corpus = read_corpus(small_files());
  const Translator translator = Translator::create(corpus, small_options(small_files()));
  const std::vector<int> target = {Vocabulary::pad, translator.target_words.id(" i"),
                                   Vocabulary::start, Vocabulary::unknown,
                                   translator.target_words.id(".")};
  const Sentence words = translator.target_words.decode(target);
  CHECK(words == Sentence{" i", "<unk>", "."});
  const Sentence axis = translator.axis_of(target, words);
  CHECK(axis == Sentence{"<pad>", " i", "<s>", "<unk>", ".", "■"});
  const Example example{translator.source_words.encode(corpus.train[0].source), target};
  CHECK(translator.attention(example).size(0) == std::ssize(axis));
  CHECK(texts_of(whole_words(axis)) == Sentence{"<pad>", "i", "<s>", "<unk>", ".", "■"});
}

// ---- columns of the terminal ----

TEST_CASE("wide characters take two columns, and marks on others none") {
  const std::vector<std::pair<std::string, int>> table = {
      {"", 0},  {"abc", 3},  {"é", 1},      {"e\u0301", 1}, {"猫", 2}, {"カナ", 4},
      {"ｱ", 1}, {"한국", 4}, {"กิ", 1},      {"Ａ", 2},      {"。", 2}, {"🦉", 2},
      {"■", 1}, {"▁", 1},    {"\u00AD", 1}, {"\u200B", 0},  {"𠀀", 2}, {"ß€", 2}};
  for (const auto& [text, columns] : table) {
    INFO(text);
    CHECK(columns_of(text) == columns);
  }
}

TEST_CASE("a picture of wide characters is aligned, also where it is too wide for the terminal") {
  const glass::Tensor weights = glass::full({3, 4}, 0.9f);
  const Sentence source = {"我有", "linux", "กิ", "■"}, target = {"i", "猫猫", "■"};
  for (const Index columns : {100, 5}) {
    const auto lines = lines_of(draw_attention(weights, source, target, {Ink::blocks, columns}));
    REQUIRE(lines.size() == 7);
    CHECK(columns_of(lines[5]) == columns_of(lines[6]));
    CHECK(columns_of(lines[5].substr(0, lines[5].find("│"))) ==
          columns_of(lines[6].substr(0, lines[6].find("│"))));
    // The last letters stand above their columns.
    CHECK(lines[4] == "          有x กิ ■");
    CHECK(lines[3] == "          我u");
  }
}

TEST_CASE("a vowel that is a token of its own is drawn on a circle") {
  const glass::Tensor weights = glass::full({1, 1}, 0.9f);
  CHECK(draw_attention(weights, {"ิ"}, {"ิ"}, {Ink::blocks}) == "      ◌ิ\n  ◌ิ  │▀▀│\n");
}

}  // namespace translate_subwords_test
