// # The marks of translations: BLEU and chrF, with their intervals
//
// For any translations and references, whoever made them. A model is marked with these marks once,
// at the end, on sentences that no decision of its training depended on.
#pragma once

#include <string>

#include "examples/translate/bleu.h"
#include "examples/translate/bootstrap.h"

namespace examples {
class Json;
}

namespace translate {

struct Score {
  Index sentences = 0;
  BleuOptions options = {};
  Bleu bleu = {};
  double chrf = 0;
  Interval bleu_interval = {}, chrf_interval = {};  // 95 %, of the bootstrap
};

// The counts of every sentence, once, from which scores and intervals are computed.
struct Counted {
  BleuOptions options = {};
  Statistics bleu = {}, chrf = {};
};

// Where the references are mostly of scripts without spaces, a whole sentence would be one word,
// and almost every BLEU 0: BLEU then counts characters.
BleuOptions bleu_options_for(std::span<const std::string> references, Case letters = Case::lower);

// ShapeError unless there are as many references as translations.
Counted count(std::span<const std::string> translations, std::span<const std::string> references,
              Case letters);
Score score(const Counted& counted);

// As text: `name` says whose score it is. The first line is the result:
//
//     hyp.en reached BLEU 41.23 ± 1.58 (95 %, bootstrap of 1,000, seed 1), chrF 62.34
//
// The next lines are the number of sentences with the brevity penalty, and each score with its
// signature, in the form of sacreBLEU.
std::string describe(std::string_view name, const Score& score);

// How two systems differ, a line for each score.
std::string describe_difference(std::string_view baseline, const Comparison& bleu,
                                const Comparison& chrf);

// Both as members of an object of JSON. Their names begin with `test_` and with `baseline_`.
void add_score(examples::Json& json, const Score& score);
void add_difference(examples::Json& json, const Comparison& bleu, const Comparison& chrf);

}  // namespace translate
