// # Writing the target, one token after another
//
// The model gives a probability for every next token, given the source and the target so far.
// Greedy decoding takes the likeliest token in each step. Beam search keeps several beginnings, the
// likeliest ones. A beginning is the first tokens of a target; in the literature it is called a
// hypothesis or a prefix.
#pragma once

#include <vector>

#include "nn/transformer.h"

namespace glass::nn {

struct DecodeOptions {
  int start = 2;                    // the token every target begins with
  int stop = 3;                     // the token that ends it
  Index max_length = 128;           // tokens at most, start and stop not counted
  Index beams = 4;                  // beginnings kept for each sentence (not by greedy_decode)
  double length_penalty = 0.6;      // α: a finished target scores ln p / ((5 + length) / 6)^α
  std::vector<int> forbidden = {};  // tokens that are never written, however likely
  std::vector<Index> limits = {};   // a max_length for each sentence, in their order; or empty
};

// A target, without start and stop.
struct Decoded {
  std::vector<int> tokens;
  // For each token the source position that the last decoder layer attended to most while it wrote
  // the token, in the mean over heads; -1 if it saw none.
  std::vector<Index> looked_at;
  double log_p = 0;  // ln of the tokens' probability; stop's too, unless max_length came before
};

// Beam search, a target for every source sentence.   Y. Wu et al., Google's Neural Machine
// Translation System (2016), section 7
//
// During the search dropout is off and no op is recorded. ShapeError if a token, a length or an
// option does not fit, StateError if no token may follow (all are forbidden, or the model gives
// NaN).
std::vector<Decoded> decode(const EncoderDecoder& model, const Tokens& source,
                            const DecodeOptions& options = {});

// Up to `targets` different targets for every source sentence, the best first, by the score of
// `length_penalty`: the first is decode()'s. A sentence has fewer if its limit of length or the
// vocabulary does not allow more. ShapeError unless 1 ≤ targets ≤ beams.
std::vector<std::vector<Decoded>> nbest_decode(const EncoderDecoder& model, const Tokens& source,
                                               Index targets, const DecodeOptions& options = {});

// The tokens alone; greedy decoding is the search with one beam.
std::vector<std::vector<int>> greedy_decode(const EncoderDecoder& model, const Tokens& source,
                                            const DecodeOptions& options = {});
std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options = {});

}  // namespace glass::nn
