// # How the report of a run is filled
#include "examples/translate/report_data.h"

#include <cctype>

#include "examples/common/terminal.h"

namespace translate {

namespace nn = glass::nn;

namespace {

// 9038341 as 9,038,341.
std::string grouped(Index number) {
  std::string digits = std::to_string(number);
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

// The cross-attention of every layer and head while the target is written.
glass::Tensor all_attention(const nn::EncoderDecoder& model, const Example& example) {
  const glass::NoGrad no_grad;
  nn::set_training(model, false);
  const Batch batch = make_batch({&example, 1}, {0});
  std::vector<glass::Tensor> weights;
  (void)model(batch.source, batch.target_in, &weights);  // each [1, H, T, S]
  return cat(weights, 0);                                // [L, H, T, S]
}

// The name of each target token, and ■ for the end. A model that has not learnt much may write <s>
// or <pad>, which are left out of a text; here they have a name, too.
Sentence axis_of(const Translator& translator, const std::vector<int>& target,
                 const Sentence& words) {
  Sentence axis;
  auto word = words.begin();
  for (const int id : target) {
    const bool silent = id == Vocabulary::pad || id == Vocabulary::start;
    axis.push_back(silent || word == words.end() ? translator.target_words.word(id) : *word++);
  }
  axis.emplace_back("■");
  return axis;
}

// The first 24 test pairs, with their translations and attention.
std::vector<Sample> make_samples(const Translator& translator, const Corpus& corpus,
                                 Search search) {
  constexpr std::ptrdiff_t most = 24;
  const std::ptrdiff_t count = std::min(most, std::ssize(corpus.test));
  const std::vector<Pair> pairs(corpus.test.begin(), corpus.test.begin() + count);
  const std::vector<Example> examples = corpus.encode(pairs);
  const auto predictions = translator.decode(examples, search);
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Sample s{.source_text = join(corpus.unit, pairs[i].source),
             .reference = join(corpus.unit, pairs[i].target),
             .right = predictions[i] == examples[i].target,
             .source = pairs[i].source};
    // The translation as text, and the tokens on both axes of its attention.
    const Sentence words = translator.spell(pairs[i].source, predictions[i]);
    s.target_text = join(corpus.unit, words);
    s.source.emplace_back("■");
    s.target = axis_of(translator, predictions[i], words);
    s.weights = all_attention(translator.model, {examples[i].source, predictions[i]});
    samples.push_back(std::move(s));
  }
  return samples;
}

// The names of the files, or the name of the task.
std::string title_of(const Corpus& corpus, const Options& options) {
  const auto name = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  // Files: both names. A task: its name with a capital letter.
  if (!options.files.source.empty())
    return fmt::format("{} → {}", name(options.files.source), name(options.files.target));
  std::string title = corpus.name;
  title.at(0) = static_cast<char>(std::toupper(title.at(0)));
  return title;
}

}  // namespace

Report make_report(const Translator& translator, const Corpus& corpus, const Options& options,
                   const Training& training, const History& history, const Marks& marks) {
  const auto& shape = translator.model.options;
  const Recipe& recipe = options.recipe;
  Report report{
      .title = title_of(corpus, options),
      .lead = fmt::format("An encoder-decoder Transformer, marked on {} sentence pairs that were "
                          "held out of its training.",
                          grouped(std::ssize(corpus.test))),
      .history = history,
      .samples = make_samples(translator, corpus,
                              {.beams = recipe.beams, .length_penalty = recipe.length_penalty})};

  // The facts: the marks, then the sizes of the model, then its training.
  const auto fact = [&](std::string name, std::string value) {
    report.facts.emplace_back(std::move(name), std::move(value));
  };
  if (marks.bleu) fact("BLEU", fmt::format("{:.2f}", marks.bleu->score));
  fact("translated exactly", fmt::format("{:.1f} %", 100 * marks.exact_match));
  if (marks.alignment)
    fact("looked at the right place", fmt::format("{:.1f} %", 100 * *marks.alignment));
  fact("nats a token", fmt::format("{:.4f}", marks.loss));
  fact("parameters", grouped(nn::count_parameters(translator.model)));
  fact("layers, each side", grouped(shape.layers));
  fact("heads a layer", grouped(shape.heads));
  fact("width", grouped(shape.dim));
  if (training.steps > 0) fact("steps", grouped(training.steps));
  if (training.seconds > 0) fact("of training", examples::duration(training.seconds));
  return report;
}

}  // namespace translate
