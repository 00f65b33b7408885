// # The evaluation of a translator: its marks
#pragma once

#include "examples/translate/score.h"
#include "examples/translate/translator.h"

namespace translate {

// The mean cross-entropy a token, without dropout or smoothing.
double mean_loss(const Translator& translator, std::span<const Example> examples);

// What a validation measures beside the loss. For parallel text it is BLEU. For a made-up task,
// which has one right answer, it is the share of sentences that are translated exactly, in percent.
std::string_view score_name(const Corpus& corpus);
double valid_score(const Translator& translator, const Corpus& corpus);

struct Marks {
  double exact_match = 0;           // share of test sentences translated exactly
  std::optional<double> alignment;  // share of predicted tokens that looked at the true position
  std::optional<Bleu> bleu;         // where tokens are words or subwords
  double loss = 0;                  // mean over the test pairs' tokens
  std::optional<Score> test = {};   // of --test-source, which no decision depended on
};
Marks mark(const Translator& translator, const Corpus& corpus, Search search);

}  // namespace translate
