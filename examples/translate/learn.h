// # A training, watched
//
// Runs a Trainer for the command line: continues a saved training where it stopped, prints and logs
// the course of the training, and saves what it learnt, also if Ctrl-C or a full disk ends it
// early.
#pragma once

#include "examples/translate/training.h"

namespace translate {

// Trains as `options` say, unless --resume finds that the training is finished. `history` receives
// the course of the training, with the past of a resumed one.
Training learn(Translator& translator, const Corpus& corpus, const Options& options,
               History& history);

}  // namespace translate
