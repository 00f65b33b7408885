// # The options that both programs have
//
// `certificate` hands them on to `certificate_float`, which makes or reads the model and the batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace certificate {

struct Task {
  std::string model;                        // a file of translate; empty: train one here
  std::vector<std::string> source, target;  // sentences for the batch
  std::int64_t batch = 4, length = 8;       // pairs, and tokens of the longest sentence
  bool given_length = false;                // whether the command line has --length
  // The model that is trained here, and its training.
  std::int64_t vocabulary = 64, dim = 64, heads = 4, layers = 2, hidden = 256, steps = 1000;
  std::uint64_t seed = 1;
  int threads = 0;  // 0: every core
};

void add_task_options(CLI::App& app, Task& task);

// CLI::ParseError if an option has no effect, or if options contradict each other. To be called
// after the command line was parsed.
void check_task(const CLI::App& app, Task& task);

// The same options as a command line.
std::vector<std::string> arguments_of(const Task& task);

}  // namespace certificate
