// # The training of the example translate, raced against libtorch
#pragma once

#include "tests/benchmarks/translator_model.h"

namespace bench {

// Both train on the same batches in the same order, in turns. `program` is this program, which runs
// itself to measure memory.
void race_translator(const std::string& program, const TranslatorOptions& translator,
                     const Torch* torch, const Options& options, Report& report);

// What the program then does: a training in the way of that name, from all batches, and its peak of
// memory told to the parent.
void train_translator_once(const std::string& way, const TranslatorOptions& translator,
                           const Options& options);

}  // namespace bench
