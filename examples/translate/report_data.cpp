// # How the report of a run is filled
#include "examples/translate/report_data.h"

#include <cctype>

#include "examples/common/terminal.h"

namespace translate {

namespace nn = glass::nn;

namespace {

// The cross-attention of every layer and head while the target is written.
glass::Tensor all_attention(const nn::EncoderDecoder& model, const Example& example) {
  const glass::NoGrad no_grad;
  nn::set_training(model, false);
  const Batch batch = make_batch({&example, 1}, {0});
  std::vector<glass::Tensor> weights;
  (void)model(batch.source, batch.target_in, &weights);  // each [1, H, T, S]
  return cat(weights, 0);                                // [L, H, T, S]
}

// The page shows subwords apart, or joined to these words.
void show_subwords(Sample& sample) {
  sample.source_words = whole_words(sample.source);
  sample.target_words = whole_words(sample.target);
  sample.source = visible(sample.source);
  sample.target = visible(sample.target);
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
             .right = translator.is_right(predictions[i], examples[i].target),
             .source = pairs[i].source};
    // The translation as text, and the tokens on both axes of its attention.
    const Sentence words = translator.spell(pairs[i].source, predictions[i]);
    s.target_text = join(corpus.unit, words);
    s.source.emplace_back("■");
    s.target = translator.axis_of(predictions[i], words);
    s.weights = all_attention(translator.model, {examples[i].source, predictions[i]});
    if (translator.unit == Unit::subwords) show_subwords(s);
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

using Facts = std::vector<std::pair<std::string, std::string>>;

// The marks, of the exam first.
Facts facts_of(const Marks& marks) {
  Facts facts;
  const auto with_interval = [](double score, const Interval& interval) {
    return fmt::format("{:.2f} ± {:.2f}", score, interval.half_width());
  };
  if (marks.test) {
    const Score& test = *marks.test;
    facts.emplace_back("BLEU of the test", with_interval(test.bleu.score, test.bleu_interval));
    facts.emplace_back("chrF of the test", with_interval(test.chrf, test.chrf_interval));
  }
  if (marks.bleu) facts.emplace_back("BLEU", fmt::format("{:.2f}", marks.bleu->score));
  facts.emplace_back("translated exactly", fmt::format("{:.1f} %", 100 * marks.exact_match));
  if (marks.alignment)
    facts.emplace_back("looked at the right place",
                       fmt::format("{:.1f} %", 100 * *marks.alignment));
  facts.emplace_back("nats a token", fmt::format("{:.4f}", marks.loss));
  return facts;
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
                          examples::grouped(std::ssize(corpus.test))),
      .facts = facts_of(marks),
      .history = history,
      .samples = make_samples(translator, corpus,
                              {.beams = recipe.beams, .length_penalty = recipe.length_penalty})};

  // After the marks, the sizes of the model, and then its training.
  const auto fact = [&](std::string name, std::string value) {
    report.facts.emplace_back(std::move(name), std::move(value));
  };
  fact("parameters", examples::grouped(nn::count_parameters(translator.model)));
  fact("layers, each side", examples::grouped(shape.layers));
  fact("heads a layer", examples::grouped(shape.heads));
  fact("width", examples::grouped(shape.dim));
  if (training.steps > 0) fact("steps", examples::grouped(training.steps));
  if (training.seconds > 0) fact("of training", examples::duration(training.seconds));
  return report;
}

}  // namespace translate
