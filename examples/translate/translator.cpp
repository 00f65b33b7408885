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

// The options of the model. max_length is larger by two, for <s> and </s>.
nn::EncoderDecoderOptions shape_of(const Recipe& r, const Vocabulary& source,
                                   const Vocabulary& target, Index max_tokens) {
  return {.source_vocab = source.size(),
          .target_vocab = target.size(),
          .dim = r.dim,
          .heads = r.heads,
          .layers = r.layers,
          .hidden = r.hidden,
          .dropout = r.dropout,
          .max_length = max_tokens + 2,
          .padding = Vocabulary::pad,
          .tied = r.tied};
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

}  // namespace

Translator Translator::create(const Corpus& corpus, const Options& options) {
  glass::Rng rng(options.seed);
  return {
      corpus.name,
      corpus.unit,
      corpus.source_words,
      corpus.target_words,
      {rng, shape_of(options.recipe, corpus.source_words, corpus.target_words, corpus.max_tokens)}};
}

// The options of the model and its words, as text, so that load() can build the model again.
nn::Metadata Translator::notes() const {
  const nn::EncoderDecoderOptions& o = model.options;
  return {{"task", task},
          {"unit", unit == Unit::words ? "words" : "characters"},
          {"source_words", source_words.to_text()},
          {"target_words", target_words.to_text()},
          {"dim", fmt::to_string(o.dim)},
          {"heads", fmt::to_string(o.heads)},
          {"layers", fmt::to_string(o.layers)},
          {"hidden", fmt::to_string(o.hidden)},
          {"tied", fmt::to_string(int{o.tied})},
          {"dropout", fmt::to_string(o.dropout)},
          {"max_tokens", fmt::to_string(o.max_length - 2)}};
}

void Translator::save(const std::filesystem::path& path) const { nn::save(model, path, notes()); }

Translator Translator::copy() const {
  Translator result = *this;
  result.model.tie();
  return result;
}

// ---- loading ----

Translator Translator::load(const std::filesystem::path& path) {
  nn::Metadata notes = nn::read_metadata(path);
  Recipe r;
  r.dim = number<Index>(notes, "dim");
  r.heads = number<Index>(notes, "heads");
  r.layers = number<Index>(notes, "layers");
  r.hidden = number<Index>(notes, "hidden");
  r.tied = notes.contains("tied") && number<int>(notes, "tied") != 0;
  r.dropout = number<double>(notes, "dropout");
  const Index max_tokens = number<Index>(notes, "max_tokens");
  // A file may say anything: sizes that no file of ours has would only exhaust the memory.
  const auto within = [](Index size, Index most) { return 1 <= size && size <= most; };
  const bool sane = within(r.dim, 65536) && within(r.layers, 1000) && within(r.hidden, 1048576) &&
                    within(max_tokens, 100000) && 0 <= r.dropout && r.dropout < 1;  // NaN is not
  check<FileError>(sane, "load: {}: the sizes are out of bounds", path.string());

  // The task names a kind of corpus, and is printed. The words follow.
  const std::string& task = notes["task"];
  check<FileError>(task.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos,
                   "load: {}: the task \"{}\" is none of ours", path.string(),
                   examples::shortened(task));
  const Vocabulary source = Vocabulary::from_text(notes["source_words"]);
  const Vocabulary target = Vocabulary::from_text(notes["target_words"]);

  // A model of these sizes, and then its numbers. An unfinished training has more in its file.
  glass::Rng rng(0);
  Translator result{task,
                    notes["unit"] == "words" ? Unit::words : Unit::characters,
                    source,
                    target,
                    {rng, shape_of(r, source, target, max_tokens)}};
  const nn::LoadReport report =
      nn::load(result.model, path, {.strict = !notes.contains("training")});
  check<FileError>(report.missing.empty(), "load: {}: does not fit the module; missing {}",
                   path.string(), fmt::join(report.missing, ", "));
  return result;
}

// ---- translating ----

std::vector<std::vector<int>> Translator::decode(std::span<const Example> examples,
                                                 Search search) const {
  // Sentences of similar lengths are decoded together, so that little is padded. A batch has many
  // sentences, but not all, which would take too much memory.
  constexpr std::size_t at_once = 128;
  std::vector<Index> order(examples.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return examples[static_cast<std::size_t>(a)].source.size() <
           examples[static_cast<std::size_t>(b)].source.size();
  });
  std::vector<std::vector<int>> results(examples.size());
  for (std::size_t begin = 0; begin < order.size(); begin += at_once) {
    const std::size_t count = std::min(at_once, order.size() - begin);
    const Batch batch =
        make_batch(examples, {order.begin() + static_cast<std::ptrdiff_t>(begin),
                              order.begin() + static_cast<std::ptrdiff_t>(begin + count)});
    // A target's limit depends on its own source alone, and so not on what else is translated.
    std::vector<Index> limits;
    for (const Index i : batch.examples)
      limits.push_back(2 * std::ssize(examples[static_cast<std::size_t>(i)].source) + 12);
    const auto targets = nn::beam_decode(model, batch.source,
                                         {.start = Vocabulary::start,
                                          .stop = Vocabulary::stop,
                                          .max_length = model.options.max_length,
                                          .beams = search.beams,
                                          .length_penalty = search.length_penalty,
                                          .limits = limits});
    for (std::size_t i = 0; i < count; ++i)
      results[static_cast<std::size_t>(batch.examples[i])] = targets[i];
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

void Translator::expect_translatable(std::string_view text) const {
  const Index tokens = std::ssize(tokenize(unit, text)), limit = model.options.max_length - 1;
  check<glass::ShapeError>(tokens <= limit, "translate: at most {} tokens; got {} in \"{}\"", limit,
                           tokens, examples::shortened(text));
}

std::vector<std::string> Translator::translate(std::span<const std::string> texts,
                                               Search search) const {
  // All sentences that are not blank are decoded together.
  std::vector<Sentence> sources;
  std::vector<Example> examples;
  for (const std::string& text : texts) {
    expect_translatable(text);
    Sentence source = tokenize(unit, text);
    if (source.empty()) continue;
    examples.push_back({source_words.encode(source), {}});
    sources.push_back(std::move(source));
  }
  const auto targets = decode(examples, search);

  // A blank sentence stays empty; the others get the next translation.
  std::vector<std::string> results;
  std::size_t next = 0;
  for (const std::string& text : texts) {
    const bool blank = tokenize(unit, text).empty();
    results.push_back(blank ? "" : join(unit, spell(sources[next], targets[next])));
    next += !blank;
  }
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
