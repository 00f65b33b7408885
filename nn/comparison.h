// # How a file differs from a module
//
// (private to nn/) The names, types and shapes of both are compared, and nothing is changed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/serialize.h"
#include "nn/tensor_file.h"

namespace glass::nn {

struct Comparison {
  std::vector<std::string> missing;     // named by the module, not in the file
  std::vector<std::string> unexpected;  // in the file, not named by the module …
  std::vector<std::string> elsewhere;   // … and not within one of the parts that are loaded
  std::vector<std::string> misshapen, unreadable;  // with the reason for each
};

// StateError if a tensor of the module cannot be written to.
Comparison compare(const State& state, const TensorFile& file);

LoadReport report_of(Comparison found, Metadata metadata);

// What is wrong for these options, and what to do; "" if nothing is.
std::string faults_of(const Comparison& found, const State& state, const TensorFile& file,
                      const LoadOptions& options);

// The name that a counter has in a file.
std::string in_file(const State::Counter& counter);

// "a.b" and "a" are within "a".
bool is_within(std::string_view name, std::string_view part);

// "; label a, b, c" for an error message, or nothing.
std::string listed(std::string_view label, const std::vector<std::string>& names);

}  // namespace glass::nn
