// # The model and the batches of the example translate
//
// What `translate --preset multi30k` trains, and on what: its own code reads the files, cuts the
// sentences and makes the batches.
#pragma once

#include <string>

#include "tests/benchmarks/torch.h"

namespace bench {

struct TranslatorOptions {
  std::string source, target;  // files of sentences; none: made-up sentences
  int subwords = 0;            // merges; 0: words
  bool joint = false;
  int batches = 30;  // the first ones of the training
};

Model translator_model(const TranslatorOptions& options);

// Words, sentences and padding of the batches, as one line.
std::string describe(const Model& model);

}  // namespace bench
