#include "examples/translate/translator.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>

namespace translate {

using glass::check;
using glass::FileError;
using glass::StateError;
using glass::Tensor;
using glass::Var;

namespace nn = glass::nn;
namespace optim = glass::optim;

// ---- making, keeping, using ----

namespace {

nn::EncoderDecoderOptions shape_of(const Options& o, const Vocabulary& source,
                                   const Vocabulary& target, Index max_tokens) {
  return {.source_vocab = source.size(),
          .target_vocab = target.size(),
          .dim = o.dim,
          .heads = o.heads,
          .layers = o.layers,
          .hidden = o.hidden,
          .dropout = o.dropout,
          .max_length = max_tokens + 2,
          .padding = Vocabulary::pad};
}

template <class T>
T number(const nn::Metadata& notes, const std::string& name) {
  const auto found = notes.find(name);
  check<FileError>(found != notes.end(), "load: no '{}' in the file; was it saved by translate?",
                   name);
  T value{};
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check<FileError>(error == std::errc() && end == text.data() + text.size(),
                   "load: '{}' should be a number; got '{}'", name, text);
  return value;
}

}  // namespace

Translator Translator::create(const Corpus& corpus, const Options& options) {
  glass::Rng rng(options.seed);
  return {corpus.name,
          corpus.unit,
          corpus.source_words,
          corpus.target_words,
          {rng, shape_of(options, corpus.source_words, corpus.target_words, corpus.max_tokens)}};
}

void Translator::save(const std::filesystem::path& path) const {
  const nn::EncoderDecoderOptions& o = model.options;
  nn::save(model, path,
           {{"task", task},
            {"unit", unit == Unit::words ? "words" : "characters"},
            {"source_words", source_words.to_text()},
            {"target_words", target_words.to_text()},
            {"dim", fmt::to_string(o.dim)},
            {"heads", fmt::to_string(o.heads)},
            {"layers", fmt::to_string(o.layers)},
            {"hidden", fmt::to_string(o.hidden)},
            {"dropout", fmt::to_string(o.dropout)},
            {"max_tokens", fmt::to_string(o.max_length - 2)}});
}

Translator Translator::load(const std::filesystem::path& path) {
  nn::Metadata notes = nn::read_metadata(path);
  Options o;
  o.dim = number<Index>(notes, "dim");
  o.heads = number<Index>(notes, "heads");
  o.layers = number<Index>(notes, "layers");
  o.hidden = number<Index>(notes, "hidden");
  o.dropout = number<double>(notes, "dropout");
  const Index max_tokens = number<Index>(notes, "max_tokens");
  // A file may say anything: sizes that no file of ours has would only exhaust the memory.
  const bool sane =
      o.dim <= 65536 && o.layers <= 1000 && o.hidden <= 1048576 && max_tokens <= 100000;
  check<FileError>(sane, "load: {}: the sizes are out of bounds", path.string());
  const std::string& task = notes["task"];
  check<FileError>(task.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos,
                   "load: {}: the task \"{}\" is none of ours", path.string(), task);
  const Vocabulary source = Vocabulary::from_text(notes["source_words"]);
  const Vocabulary target = Vocabulary::from_text(notes["target_words"]);
  glass::Rng rng(0);
  Translator result{task,
                    notes["unit"] == "words" ? Unit::words : Unit::characters,
                    source,
                    target,
                    {rng, shape_of(o, source, target, max_tokens)}};
  nn::load(result.model, path);
  return result;
}

std::vector<std::vector<int>> Translator::decode(std::span<const Example> examples) const {
  // Like lengths together, so that little is padded; many sentences at once, but not all.
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
    const auto targets = nn::greedy_decode(model, batch.source,
                                           {.start = Vocabulary::start,
                                            .stop = Vocabulary::stop,
                                            .max_length = 2 * batch.source.length + 10});
    for (std::size_t i = 0; i < count; ++i)
      results[static_cast<std::size_t>(batch.examples[i])] = targets[i];
  }
  return results;
}

void Translator::expect_translatable(std::string_view text) const {
  const Index tokens = std::ssize(tokenize(unit, text)), limit = model.options.max_length - 1;
  check<glass::ShapeError>(tokens <= limit, "translate: at most {} tokens; got {} in \"{}\"", limit,
                           tokens, text);
}

std::string Translator::translate(std::string_view text) const {
  expect_translatable(text);
  const Example example{source_words.encode(tokenize(unit, text)), {}};
  if (example.source.empty()) return "";
  return join(unit, target_words.decode(decode({&example, 1})[0]));
}

Tensor Translator::attention(const Example& example) const {
  const glass::NoGrad no_grad;
  nn::set_training(model, false);
  const Batch batch = make_batch({&example, 1}, {0});
  std::vector<Tensor> weights;
  (void)model(batch.source, batch.target_in, &weights);
  return mean(weights.back().select(0, 0), 0);  // [H, T, S] → [T, S]
}

// ---- training ----

Training train(Translator& translator, const Corpus& corpus, const Options& options,
               const Watcher& watcher) {
  using Clock = std::chrono::steady_clock;
  const nn::EncoderDecoder& model = translator.model;
  // Streams of their own for the order of the data and, in the layers, for dropout.
  glass::Rng rng = glass::Rng(options.seed).split();
  const std::vector<Example> valid = corpus.encode(corpus.valid);
  const std::vector<Var> parameters = nn::parameters(model);
  optim::Adam adam(parameters, {.rate = options.rate, .beta2 = 0.98, .eps = 1e-9});

  Training result;
  Index steps = std::max<Index>(options.steps, 0);
  const auto begin = Clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  double tokens = 0, paused = 0;
  for (Index pass = 1; pass == 1 || result.steps < steps; ++pass) {
    const std::vector<Example> examples = next_pass(corpus, rng);
    const std::vector<Batch> batches = make_batches(examples, rng, {.sentences = options.batch});
    if (pass == 1 && options.epochs > 0) steps = options.epochs * std::ssize(batches);
    for (const Batch& batch : batches) {
      if (result.steps == steps || result.stopped) break;
      nn::set_training(model, true);
      adam.zero_grad();
      const Var logits = model(batch.source, batch.target_in);  // [B, T, V]
      const Var loss = nn::cross_entropy(
          logits, batch.target_out,
          {.ignore_index = Vocabulary::pad, .label_smoothing = options.smoothing});
      const auto value = static_cast<double>(loss.item());
      check<StateError>(std::isfinite(value),
                        "train: the loss became {} at step {}; try a smaller --rate", value,
                        result.steps + 1);
      if (result.steps == 0) nn::check_parameters(loss, model);
      loss.backward();
      optim::clip_grad_norm(parameters, 1.0);
      adam.options.rate = optim::warmup_cosine(
          ++result.steps, {.rate = options.rate, .warmup = options.warmup, .total = steps});
      adam.step();

      // A running mean over about fifty steps, true from the first step on.
      const double weight = std::max(0.02, 1.0 / static_cast<double>(result.steps));
      result.loss += weight * (value - result.loss);
      tokens += static_cast<double>(batch.target_tokens);
      const double busy = std::max(seconds() - paused, 1e-9);
      const double pace = busy / static_cast<double>(result.steps);
      watcher.progress({result.steps, steps, result.loss, tokens / busy,
                        pace * static_cast<double>(steps - result.steps)});
      result.stopped = watcher.stop();
    }
    if (result.stopped) break;
    const double before = seconds();
    watcher.validated(result.steps, mean_loss(translator, valid));
    paused += seconds() - before;
  }
  result.seconds = seconds();
  return result;
}

// ---- marking ----

double mean_loss(const Translator& translator, std::span<const Example> examples) {
  const glass::NoGrad no_grad;
  nn::set_training(translator.model, false);
  glass::Rng rng(0);
  double total = 0, tokens = 0;
  for (const Batch& batch : make_batches(examples, rng, {.sentences = 128})) {
    const Var loss = nn::cross_entropy(translator.model(batch.source, batch.target_in),
                                       batch.target_out, {.ignore_index = Vocabulary::pad});
    total += static_cast<double>(loss.item()) * static_cast<double>(batch.target_tokens);
    tokens += static_cast<double>(batch.target_tokens);
  }
  return total / std::max(tokens, 1.0);
}

Marks mark(const Translator& translator, const Corpus& corpus) {
  const std::vector<Example> examples = corpus.encode(corpus.test);
  const auto predictions = translator.decode(examples);
  double exact = 0, aligned = 0, tokens = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    exact += predictions[i] == examples[i].target;
    if (!corpus.alignment || predictions[i].empty()) continue;
    const auto length = std::ssize(examples[i].source);
    const std::vector<int> looked =
        argmax(translator.attention({examples[i].source, predictions[i]}), -1);
    for (Index t = 0; t < std::ssize(predictions[i]); ++t)
      aligned += t < length && looked[static_cast<std::size_t>(t)] == corpus.alignment(t, length);
    tokens += static_cast<double>(predictions[i].size());
  }
  Marks marks{exact / std::max(static_cast<double>(examples.size()), 1.0),
              {},
              mean_loss(translator, examples)};
  if (corpus.alignment) marks.alignment = aligned / std::max(tokens, 1.0);
  return marks;
}

}  // namespace translate
