// # Writing the target, one token after another
//
// The model gives a probability for every next token, given the source and what is written so far.
// Greedy decoding takes the likeliest each time; beam search keeps the few likeliest beginnings.
#pragma once

#include <vector>

#include "nn/transformer.h"

namespace glass::nn {

struct DecodeOptions {
  int start = 2;                // the token every target begins with
  int stop = 3;                 // the token that ends it
  Index max_length = 128;       // tokens at most, start and stop not counted
  Index beams = 4;              // beginnings kept for each sentence (beam_decode only)
  double length_penalty = 0.6;  // α: a finished target scores ln p / ((5 + length) / 6)^α
};

// For every source sentence the target tokens, without start and stop. Dropout is off meanwhile,
// and nothing is recorded. ShapeError if a token or a length does not fit the model.
std::vector<std::vector<int>> greedy_decode(const EncoderDecoder& model, const Tokens& source,
                                            const DecodeOptions& options);

// Y. Wu et al., Google's Neural Machine Translation System (2016), section 7.
std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options);

}  // namespace glass::nn
