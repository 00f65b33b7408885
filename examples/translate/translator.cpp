// # Making, saving, loading and using a translator
#include "examples/translate/translator.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "examples/common/quote.h"

namespace translate {

using glass::check;
using glass::FileError;
using glass::Tensor;

namespace nn = glass::nn;

// ---- making, keeping, using ----

namespace {

// The options of the model. max_length is larger by two, for <s> and </s>. A joint vocabulary can
// be read from one table.
nn::EncoderDecoderOptions shape_of(const Recipe& r, const Vocabulary& source,
                                   const Vocabulary& target, bool joint, Index max_tokens) {
  return {.source_vocab = source.size(),
          .target_vocab = target.size(),
          .dim = r.dim,
          .heads = r.heads,
          .layers = r.layers,
          .hidden = r.hidden,
          .dropout = r.dropout,
          .max_length = max_tokens + 2,
          .padding = Vocabulary::pad,
          .tied = r.tied,
          .shared = r.tied && joint,
          .inner_dropout = r.inner_dropout};
}

// A number from the metadata of a file. FileError if it is missing, or is no number.
template <class T>
T number(const nn::Metadata& notes, const std::string& name) {
  const auto found = notes.find(name);
  check<FileError>(found != notes.end(), "load: no '{}' in the file; was it saved by translate?",
                   name);
  // The whole text must be the number.
  T value{};
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check<FileError>(error == std::errc() && end == text.data() + text.size(),
                   "load: '{}' should be a number; got '{}'", name, examples::shortened(text));
  return value;
}

// The names of units in a file.
const char* name_of(Unit unit) {
  if (unit == Unit::subwords) return "subwords";
  return unit == Unit::words ? "words" : "characters";
}

Unit unit_named(std::string_view name) {
  if (name == "subwords") return Unit::subwords;
  return name == "words" ? Unit::words : Unit::characters;
}

// The encodings in a file whose tokens are subwords. A joint encoding is there once.
Coding coding_of(nn::Metadata& notes) {
  Coding coding{.source = Subwords::from_text(notes["source_subwords"]),
                .target = {},
                .joint = !notes.contains("target_subwords")};
  coding.target = coding.joint ? coding.source : Subwords::from_text(notes["target_subwords"]);
  return coding;
}

}  // namespace

Translator Translator::create(const Corpus& corpus, const Options& options) {
  glass::Rng rng(options.seed);
  return {corpus.name,
          corpus.unit,
          corpus.source_words,
          corpus.target_words,
          corpus.coding,
          {rng, shape_of(options.recipe, corpus.source_words, corpus.target_words,
                         corpus.coding.joint, corpus.max_tokens)}};
}

// The options of the model and its words, as text, so that load() can build the model again.
nn::Metadata Translator::notes() const {
  const nn::EncoderDecoderOptions& o = model.options;
  nn::Metadata words = {{"source_words", source_words.to_text()},
                        {"target_words", target_words.to_text()}};
  if (unit == Unit::subwords) {
    words = {{"source_subwords", coding.source.to_text()}};
    if (!coding.joint) words["target_subwords"] = coding.target.to_text();
  }
  nn::Metadata notes = {{"task", task},
                        {"unit", name_of(unit)},
                        {"dim", fmt::to_string(o.dim)},
                        {"heads", fmt::to_string(o.heads)},
                        {"layers", fmt::to_string(o.layers)},
                        {"hidden", fmt::to_string(o.hidden)},
                        {"tied", fmt::to_string(int{o.tied})},
                        {"dropout", fmt::to_string(o.dropout)},
                        {"inner_dropout", fmt::to_string(o.inner_dropout.value_or(o.dropout))},
                        {"max_tokens", fmt::to_string(o.max_length - 2)}};
  notes.merge(words);
  return notes;
}

void Translator::save(const std::filesystem::path& path) const { nn::save(model, path, notes()); }

Translator Translator::copy() const {
  Translator result = *this;
  result.model.tie();
  return result;
}

// ---- loading ----

namespace {

struct Sizes {
  Recipe recipe = {};
  Index max_tokens = 0;
};

// The sizes of the model in a file. FileError if one is missing, or out of bounds: a file may say
// anything, and sizes that no file of ours has would only exhaust the memory.
Sizes sizes_from(const nn::Metadata& notes, const std::filesystem::path& path) {
  Sizes sizes;
  Recipe& r = sizes.recipe;
  r.dim = number<Index>(notes, "dim");
  r.heads = number<Index>(notes, "heads");
  r.layers = number<Index>(notes, "layers");
  r.hidden = number<Index>(notes, "hidden");
  r.tied = notes.contains("tied") && number<int>(notes, "tied") != 0;
  r.dropout = number<double>(notes, "dropout");
  if (notes.contains("inner_dropout")) r.inner_dropout = number<double>(notes, "inner_dropout");
  sizes.max_tokens = number<Index>(notes, "max_tokens");

  const auto within = [](Index size, Index most) { return 1 <= size && size <= most; };
  const auto is_share = [](double share) { return 0 <= share && share < 1; };  // NaN is none
  const bool sane = within(r.dim, 65536) && within(r.layers, 1000) && within(r.hidden, 1048576) &&
                    within(sizes.max_tokens, 100000) && is_share(r.dropout) && is_share(r.inner());
  check<FileError>(sane, "load: {}: the sizes are out of bounds", path.string());
  return sizes;
}

}  // namespace

Translator Translator::load(const std::filesystem::path& path) {
  nn::Metadata notes = nn::read_metadata(path);
  const auto [recipe, max_tokens] = sizes_from(notes, path);
  // The task names a kind of corpus, and is printed. The words follow.
  const std::string& task = notes["task"];
  check<FileError>(task.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos,
                   "load: {}: the task \"{}\" is none of ours", path.string(),
                   examples::shortened(task));
  const Unit unit = unit_named(notes["unit"]);
  const bool subwords = unit == Unit::subwords;
  const Coding coding = subwords ? coding_of(notes) : Coding{};
  const Vocabulary source =
      subwords ? Vocabulary(coding.source.tokens()) : Vocabulary::from_text(notes["source_words"]);
  const Vocabulary target =
      subwords ? Vocabulary(coding.target.tokens()) : Vocabulary::from_text(notes["target_words"]);

  // A model of these sizes, and then its numbers. An unfinished training has more in its file.
  glass::Rng rng(0);
  const nn::EncoderDecoderOptions shape =
      shape_of(recipe, source, target, coding.joint, max_tokens);
  Translator result{task, unit, source, target, coding, {rng, shape}};
  const nn::LoadReport report =
      nn::load(result.model, path, {.strict = !notes.contains("training")});
  check<FileError>(report.missing.empty(), "load: {}: does not fit the module; missing {}",
                   path.string(), fmt::join(report.missing, ", "));
  return result;
}

// ---- translating ----

Sentence Translator::tokens_of(std::string_view text) const {
  return tokenize(unit, coding.source, text);
}

bool Translator::is_right(const std::vector<int>& translation,
                          const std::vector<int>& reference) const {
  if (unit != Unit::subwords) return translation == reference;
  return join(unit, target_words.decode(translation)) == join(unit, target_words.decode(reference));
}

std::vector<std::vector<int>> Translator::decode(std::span<const Example> examples,
                                                 Search search) const {
  std::vector<std::vector<int>> targets;
  for (std::vector<nn::Decoded>& best : decode_several(examples, 1, search))
    targets.push_back(best.empty() ? std::vector<int>() : std::move(best.front().tokens));
  return targets;
}

std::vector<std::vector<nn::Decoded>> Translator::decode_several(std::span<const Example> examples,
                                                                 Index count, Search search) const {
  // Sentences of similar lengths are decoded together, so that little is padded. A batch has many
  // sentences, but not all, which would take too much memory.
  constexpr std::size_t at_once = 128;
  std::vector<Index> order(examples.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return examples[static_cast<std::size_t>(a)].source.size() <
           examples[static_cast<std::size_t>(b)].source.size();
  });
  std::vector<std::vector<nn::Decoded>> results(examples.size());
  for (std::size_t begin = 0; begin < order.size(); begin += at_once) {
    const std::size_t rows = std::min(at_once, order.size() - begin);
    const Batch batch =
        make_batch(examples, {order.begin() + static_cast<std::ptrdiff_t>(begin),
                              order.begin() + static_cast<std::ptrdiff_t>(begin + rows)});
    // A target's limit depends on its own source alone, and so not on what else is translated.
    std::vector<Index> limits;
    for (const Index i : batch.examples)
      limits.push_back(2 * std::ssize(examples[static_cast<std::size_t>(i)].source) + 12);
    auto targets = nn::nbest_decode(model, batch.source, count,
                                    {.start = Vocabulary::start,
                                     .stop = Vocabulary::stop,
                                     .max_length = model.options.max_length,
                                     .beams = search.beams,
                                     .length_penalty = search.length_penalty,
                                     .limits = limits});
    for (std::size_t i = 0; i < rows; ++i)
      results[static_cast<std::size_t>(batch.examples[i])] = std::move(targets[i]);
  }
  return results;
}

Sentence Translator::spell(const Sentence& source, const std::vector<int>& target) const {
  // Without <unk> the words are known; the attention is needed only for <unk>.
  Sentence words = target_words.decode(target);
  if (source.empty() || std::ranges::count(target, Vocabulary::unknown) == 0) return words;
  const Tensor all = attention({source_words.encode(source), target});  // [T + 1, S + 1]
  const auto looked = argmax(all.slice(1, 0, std::ssize(source)), -1);  // </s> is no word
  for (std::size_t t = 0; t < words.size(); ++t)
    if (target[t] == Vocabulary::unknown) words[t] = source[static_cast<std::size_t>(looked[t])];
  return words;
}

Sentence Translator::axis_of(const std::vector<int>& target, const Sentence& words) const {
  Sentence axis;
  auto word = words.begin();
  for (const int id : target) {
    const bool silent = id == Vocabulary::pad || id == Vocabulary::start;
    axis.push_back(silent || word == words.end() ? target_words.word(id) : *word++);
  }
  axis.emplace_back("■");
  return axis;
}

void Translator::expect_translatable(std::string_view text) const {
  const Index tokens = std::ssize(tokens_of(text)), limit = model.options.max_length - 1;
  check<glass::ShapeError>(tokens <= limit, "translate: at most {} tokens; got {} in \"{}\"", limit,
                           tokens, examples::shortened(text));
}

namespace {

// The targets of one source as text.
std::vector<Candidate> spell_all(const Translator& translator, const Sentence& source,
                                 const std::vector<nn::Decoded>& targets) {
  std::vector<Candidate> candidates;
  for (const nn::Decoded& target : targets)
    candidates.push_back(
        {join(translator.unit, translator.spell(source, target.tokens)), target.log_p});
  return candidates;
}

}  // namespace

std::vector<std::vector<Candidate>> Translator::candidates(std::span<const std::string> texts,
                                                           Index count, Search search) const {
  // All sentences that are not blank are decoded together.
  std::vector<Sentence> sources;
  std::vector<Example> examples;
  for (const std::string& text : texts) {
    expect_translatable(text);
    const Sentence& source = sources.emplace_back(tokens_of(text));
    if (!source.empty()) examples.push_back({source_words.encode(source), {}});
  }
  const auto targets = decode_several(examples, count, search);

  // The others have one candidate, which is empty.
  std::vector<std::vector<Candidate>> results;
  auto next = targets.begin();
  for (const Sentence& source : sources) {
    std::vector<Candidate>& candidates = results.emplace_back();
    if (!source.empty()) candidates = spell_all(*this, source, *next++);
    if (candidates.empty()) candidates.emplace_back();
  }
  return results;
}

std::vector<std::string> Translator::translate(std::span<const std::string> texts,
                                               Search search) const {
  std::vector<std::string> results;
  for (std::vector<Candidate>& best : candidates(texts, 1, search))
    results.push_back(std::move(best.front().text));
  return results;
}

std::string Translator::translate(const std::string& text, Search search) const {
  return translate(std::span(&text, 1), search)[0];
}

Tensor Translator::attention(const Example& example) const {
  const glass::NoGrad no_grad;
  nn::set_training(model, false);
  const Batch batch = make_batch({&example, 1}, {0});
  std::vector<Tensor> weights;
  (void)model(batch.source, batch.target_in, &weights);
  return mean(weights.back().select(0, 0), 0);  // [H, T, S] → [T, S]
}

}  // namespace translate
