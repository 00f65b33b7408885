// # Making and reading the model, and drawing its batch
#include "examples/04_certificate/subject.h"

#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>

#include "examples/common/quote.h"
#include "examples/translate/tasks.h"
#include "examples/translate/translator.h"
#include "nn/loss.h"

namespace certificate {

using glass::check;
using glass::FileError;
using glass::Rng;
using translate::Example;
using translate::Vocabulary;

namespace nn = glass::nn;

namespace {

// The batch as the loss takes it.
void set_batch(Question& question, const std::vector<Example>& examples) {
  std::vector<Index> rows(examples.size());
  std::iota(rows.begin(), rows.end(), Index{0});
  translate::Batch batch = translate::make_batch(examples, rows);
  question.source = std::move(batch.source);
  question.target_in = std::move(batch.target_in);
  question.target_out = std::move(batch.target_out);
}

// ---- copying letters ----

// Letters are tokens from 4 on, as in a Vocabulary. A sentence has half of the length or more, so
// that a batch contains padding.
Example draw_letters(const Task& task, Rng& rng) {
  const Index least = (task.length + 1) / 2;
  const Index length = least + rng.below(task.length - least + 1);
  Example example;
  for (Index i = 0; i < length; ++i)
    example.source.push_back(4 + static_cast<int>(rng.below(task.vocabulary - 4)));
  example.target = example.source;
  return example;
}

std::vector<Example> draw_batch(const Task& task, Index count, Rng& rng) {
  std::vector<Example> examples;
  for (Index i = 0; i < count; ++i) examples.push_back(draw_letters(task, rng));
  return examples;
}

// "sentences of 6, 7 and 4 letters"
std::string to_text(const std::vector<Example>& examples) {
  std::string text;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const char* before = i == 0 ? "sentences of " : i + 1 == examples.size() ? " and " : ", ";
    text += fmt::format("{}{}", before, examples[i].source.size());
  }
  return text + " letters";
}

}  // namespace

Subject new_subject(const Task& task, Rng& rng) {
  const nn::EncoderDecoderOptions shape{.source_vocab = task.vocabulary,
                                        .target_vocab = task.vocabulary,
                                        .dim = task.dim,
                                        .heads = task.heads,
                                        .layers = task.layers,
                                        .hidden = task.hidden,
                                        .max_length = task.length + 2,
                                        .padding = Vocabulary::pad};
  // The weights and the batch draw from two streams, so that neither disturbs the other.
  Rng weights = rng.split(), letters = rng.split();
  Subject subject{{weights, shape}, {}};
  const std::vector<Example> batch = draw_batch(task, task.batch, letters);
  set_batch(subject.question, batch);
  subject.question.shape = shape;
  subject.question.subject = "a model that learns to copy letters";
  subject.question.pairs = to_text(batch);
  return subject;
}

void train_to_copy(const Subject& subject, const Task& task, Rng& rng,
                   const std::function<void(const examples::Progress&)>& after_step) {
  constexpr Index pairs = 32;
  const auto draw_loss = [&] {
    Question q;
    set_batch(q, draw_batch(task, pairs, rng));
    return nn::cross_entropy(subject.model(q.source, q.target_in), q.target_out,
                             {.ignore_index = Vocabulary::pad});
  };
  examples::train(subject.model,
                  {.steps = task.steps, .batch = pairs, .rate = 2e-3, .warmup = 100, .metrics = {}},
                  draw_loss, {.progress = after_step});
}

// ---- a model of a file ----

namespace {

void expect_finite(const nn::EncoderDecoder& model, const std::string& path) {
  for (const auto& [name, parameter] : nn::named_parameters(model))
    for (const float weight : parameter.value().to_vector())
      check<FileError>(std::isfinite(weight),
                       "load: {}: {} holds {}, which is no number to "
                       "compute with",
                       path, name, weight);
}

// The label smoothing of the training, which translate keeps among its settings; 0 for a model that
// was saved without any training.
double smoothing_of(const std::string& path) {
  const nn::Metadata notes = nn::read_metadata(path);
  const auto settings = notes.find("settings");
  if (settings == notes.end()) return 0;
  std::istringstream lines(settings->second);
  constexpr std::string_view name = "smoothing=";
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) return std::stod(line.substr(name.size()));
  return 0;
}

// Pairs of the model's task, none of which is longer than asked for.
std::vector<translate::Pair> draw_pairs(const translate::Translator& translator, const Task& task) {
  check<FileError>(translator.task != "text",
                   "{} was trained on files: give it sentences by --source and --target",
                   task.model);
  const translate::Corpus corpus = translate::make_task(translator.task);
  Rng rng(task.seed);
  std::vector<translate::Pair> pairs;
  for (int tries = 0; std::ssize(pairs) < task.batch; ++tries) {
    check<FileError>(tries < 100'000, "no pair of the task {} has at most --length {} tokens",
                     translator.task, task.length);
    translate::Pair pair = corpus.sample(rng);
    const Index longest = std::max(std::ssize(pair.source), std::ssize(pair.target));
    if (!task.given_length || longest <= task.length) pairs.push_back(std::move(pair));
  }
  return pairs;
}

// The user's sentences, in tokens.
std::vector<translate::Pair> given_pairs(const translate::Translator& translator,
                                         const Task& task) {
  std::vector<translate::Pair> pairs;
  for (std::size_t i = 0; i < task.source.size(); ++i) {
    translator.expect_translatable(task.source[i]);
    translate::Pair pair{translate::tokenize(translator.unit, task.source[i]),
                         translate::tokenize(translator.unit, task.target[i])};
    check<FileError>(!pair.source.empty() && !pair.target.empty(),
                     "--source and --target must not be blank");
    check<FileError>(std::ssize(pair.target) + 2 <= translator.model.options.max_length,
                     "--target has {} tokens, and the model writes at most {}", pair.target.size(),
                     translator.model.options.max_length - 2);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

}  // namespace

Subject subject_from(const Task& task) {
  const translate::Translator translator = translate::Translator::load(task.model);
  expect_finite(translator.model, task.model);
  const std::vector<translate::Pair> pairs =
      task.source.empty() ? draw_pairs(translator, task) : given_pairs(translator, task);

  // The pairs as tokens and, for people, as text.
  std::vector<Example> batch;
  std::string text;
  for (const translate::Pair& pair : pairs) {
    batch.push_back(
        {translator.source_words.encode(pair.source), translator.target_words.encode(pair.target)});
    text += fmt::format("{}{} → {}", text.empty() ? "" : "\n",
                        translate::join(translator.unit, pair.source),
                        translate::join(translator.unit, pair.target));
  }
  Subject subject{translator.model, {}};
  subject.model.tie();
  set_batch(subject.question, batch);
  subject.question.shape = translator.model.options;
  subject.question.smoothing = smoothing_of(task.model);
  subject.question.subject = fmt::format("{}, a model of the task {}", task.model, translator.task);
  subject.question.label = "as it was saved";
  subject.question.pairs = text;
  return subject;
}

}  // namespace certificate
