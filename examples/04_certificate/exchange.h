// # What the two programs tell each other
//
// `certificate_float` computes in float and `certificate` in intervals, and one program cannot link
// both libraries. So the first one writes a safetensors file for each state of the model, before
// and after its training, and the second one reads it. This header and exchange.cpp are compiled
// into both programs.
//
// A float is exact as a point of the intervals: nothing is rounded on the way. So weights,
// positions and tokens are the same in both programs. Constants of the model, such as ε of a layer
// norm, have more digits in the intervals; that float rounds them counts as an error of float.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nn/serialize.h"
#include "nn/transformer.h"

namespace certificate {

using glass::Index;
using glass::Tensor;

// The function whose gradient is meant: the loss of a model on one batch. The weights are apart.
struct Question {
  glass::nn::EncoderDecoderOptions shape;  // of the model; its dropout is 0
  double smoothing = 0;                    // of the labels
  std::string subject;                     // what the model is, for people
  std::string label;                       // its state: "before training"
  std::string pairs;                       // the batch, for people: a pair a line
  glass::Tokens source, target_in;         // [B, S] and [B, T], filled up with padding
  std::vector<int> target_out;             // [B·T]
};

// The gradient of each parameter, by its name, as float computed it; and the loss.
struct FloatGradient {
  Tensor loss;  // []
  std::vector<std::pair<std::string, Tensor>> parameters;
};

// Names of the files of one run, in their order: "0.safetensors", …
std::filesystem::path state_file(const std::filesystem::path& folder, int state);

// Writes one state. The table of positions is data like the weights: both programs use the table as
// float has it.
void write_state(const std::filesystem::path& path, const Question& question,
                 const glass::nn::EncoderDecoder& model, const FloatGradient& fused,
                 const FloatGradient& plain);

// One state, as it was written. The weights are not read yet.
struct State {
  Question question;
  FloatGradient fused, plain;
};

// FileError if the file is not one of ours.
State read_state(const std::filesystem::path& path);

// Copies the weights and the table of positions of the file into a model of the question's shape.
void read_weights(const std::filesystem::path& path, glass::nn::EncoderDecoder& model);

}  // namespace certificate
