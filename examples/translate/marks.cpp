// # How a translator is marked
#include "examples/translate/marks.h"

namespace translate {

namespace nn = glass::nn;

namespace {

double share(double part, std::size_t whole) {
  return part / std::max(static_cast<double>(whole), 1.0);
}

double exact_match(const Translator& translator, std::span<const std::vector<int>> predictions,
                   std::span<const Example> examples) {
  double exact = 0;
  for (std::size_t i = 0; i < examples.size(); ++i)
    exact += translator.is_right(predictions[i], examples[i].target);
  return share(exact, examples.size());
}

Bleu bleu_of(const Translator& translator, std::span<const Pair> pairs,
             std::span<const std::vector<int>> predictions,
             std::span<const std::string> references) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    texts.push_back(join(translator.unit, translator.spell(pairs[i].source, predictions[i])));
  return bleu(texts, references, bleu_options_for(references));
}

// Of all predicted tokens, the share that looked most at the source token that they translate. The
// corpus must know which that is.
double alignment_accuracy(const Translator& translator, const Corpus& corpus,
                          std::span<const std::vector<int>> predictions,
                          std::span<const Example> examples) {
  double aligned = 0;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (predictions[i].empty()) continue;
    const auto length = std::ssize(examples[i].source);
    const std::vector<int> looked =
        argmax(translator.attention({examples[i].source, predictions[i]}), -1);  // [T + 1]
    for (Index t = 0; t < std::ssize(predictions[i]); ++t)
      aligned += t < length && looked[static_cast<std::size_t>(t)] == corpus.alignment(t, length);
    tokens += predictions[i].size();
  }
  return share(aligned, tokens);
}

}  // namespace

double mean_loss(const Translator& translator, std::span<const Example> examples) {
  const glass::NoGrad no_grad;
  nn::set_training(translator.model, false);
  Rng rng(0);
  double total = 0, tokens = 0;
  for (const Batch& batch : make_batches(examples, rng, {.sentences = 128})) {
    const glass::Var loss = nn::cross_entropy(translator.model(batch.source, batch.target_in),
                                              batch.target_out, {.ignore_index = Vocabulary::pad});
    total += static_cast<double>(loss.item()) * static_cast<double>(batch.target_tokens);
    tokens += static_cast<double>(batch.target_tokens);
  }
  return total / std::max(tokens, 1.0);
}

std::string_view score_name(const Corpus& corpus) { return corpus.sample ? "exact match" : "BLEU"; }

double valid_score(const Translator& translator, const Corpus& corpus) {
  const std::vector<Example> examples = corpus.encode(corpus.valid);
  const auto predictions = translator.decode(examples);
  return corpus.sample
             ? 100 * exact_match(translator, predictions, examples)
             : bleu_of(translator, corpus.valid, predictions, corpus.valid_references).score;
}

Marks mark(const Translator& translator, const Corpus& corpus, Search search) {
  const std::vector<Example> examples = corpus.encode(corpus.test);
  const auto predictions = translator.decode(examples, search);

  // Marks that every corpus has, and then those that only some have.
  Marks marks{.exact_match = exact_match(translator, predictions, examples),
              .alignment = {},
              .bleu = {},
              .loss = mean_loss(translator, examples)};
  if (translator.unit != Unit::characters)
    marks.bleu = bleu_of(translator, corpus.test, predictions, corpus.test_references);
  if (corpus.alignment)
    marks.alignment = alignment_accuracy(translator, corpus, predictions, examples);
  return marks;
}

}  // namespace translate
