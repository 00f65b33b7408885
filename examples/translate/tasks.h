// # Made-up languages
//
// Four tasks whose right answer is known, so that a translator can be marked: `copy` and `reverse`
// (where the attention must look is known too), `dates` (the order changes) and `phrases` (English
// to French: gender, number, adjective order, negation, elision).
//
// A pair is held out by a rule on the pair itself, never by a list or a seed: what is kept from
// training is the same in every run.
#pragma once

#include <string>
#include <string_view>

#include "examples/translate/corpus.h"
#include "examples/translate/phrases.h"

namespace translate {

// 1,000 test pairs, 500 validation pairs and an endless supply of others, for one of the tasks
//   copy, reverse   sixteen letters of a … j, a character a token
//   dates           "Thursday, the 3rd of May 2004" → "2004-05-03", 1900 to 2099, a character a
//                   token; numbers alone put the day first: 12/03/1987 is 12 March
//   phrases         "he never eats any small apples" → "il ne mange jamais de petites pommes"
// StateError for any other name.
Corpus make_task(std::string_view name);

}  // namespace translate
