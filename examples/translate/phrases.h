// # English phrases and their French
//
// A small grammar with the words of both languages, in which every English phrase has one right
// translation: with gender, number, the order of adjectives, negation and elision.
#pragma once

#include <string>

#include "examples/translate/text.h"

namespace translate {

// One random pair of a task. Pairs with the same key are held out together, or not at all.
struct Draw {
  Pair pair;
  std::string key;
  bool reserved = false;  // held out whatever its key
};

// A random phrase of the grammar. It is reserved if it has a noun and an adjective that training
// never brings together.
Draw draw_phrase(Rng& rng);

// What the task `phrases` has to learn: the one French sentence for an English one of its grammar.
// StateError, with the word, if the grammar does not know the sentence.
Sentence to_french(const Sentence& english);

}  // namespace translate
