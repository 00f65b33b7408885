// # A line for the table of runs: recipe, hash, CPU
#include "examples/translate/record.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <map>
#include <set>

#include "examples/translate/hash.h"

namespace translate {

namespace nn = glass::nn;

// ---- the recipe ----

namespace {

// The options that turn the settings of a preset or a task into `settings`.
std::vector<std::string> options_between(const Settings& preset, const Settings& settings) {
  // A number of steps replaces the number of epochs: what is not used has no option.
  const std::set<std::string> never = {"task", "seed", "log-every"};
  std::vector<std::string> options;
  for (const auto& setting : settings) {
    const auto& [name, value] = setting;
    const bool unused = (name == "steps" && value == "-1") || (name == "epochs" && value == "0");
    if (!unused && !never.contains(name) && std::ranges::count(preset, setting) == 0)
      options.push_back(fmt::format("--{} {}", name, value));
  }
  return options;
}

}  // namespace

std::string recipe_of(const Settings& settings) {
  const auto task = std::ranges::find(settings, "task", &Settings::value_type::first);
  const std::string name = task == settings.end() ? "text" : task->second;
  std::vector<std::string> best = options_between(settings_for(name), settings);
  if (name != "text") best.insert(best.begin(), "--task " + name);

  // Text may have been trained with a preset.
  std::vector<std::string> preset = options_between(settings_for("multi30k"), settings);
  preset.insert(preset.begin(), "--preset multi30k");
  if (name == "text" && preset.size() < best.size()) best = preset;
  return fmt::format("{}", fmt::join(best, " "));
}

std::string recipe_of(const Search& search) {
  const Search usual{.beams = 4, .length_penalty = 2};
  std::vector<std::string> options;
  if (search.beams != usual.beams) options.push_back(fmt::format("--beams {}", search.beams));
  if (search.beams > 1 && search.length_penalty != usual.length_penalty)
    options.push_back(fmt::format("--length-penalty {}", search.length_penalty));
  return fmt::format("{}", fmt::join(options, " "));
}

// ---- the weights ----

namespace {

// The numbers as little-endian float32.
std::string bytes_of(const glass::Tensor& tensor) {
  std::string bytes;
  for (const glass::Real number : tensor.to_vector()) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return bytes;
}

}  // namespace

std::string hash_of(const nn::EncoderDecoder& model) {
  std::map<std::string, glass::Var> parameters;  // in the order of their names
  for (const auto& [name, parameter] : nn::named_parameters(model)) parameters[name] = parameter;
  Hash hash;
  for (const auto& [name, parameter] : parameters) {
    hash.add(name);
    hash.add_bytes(bytes_of(parameter.value()));
  }
  return hash.text();
}

// ---- the machine ----

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

// ---- the line ----

std::string row_of(const Record& record) {
  const auto code = [](const std::string& text) {
    return text.empty() ? std::string("not known") : fmt::format("`{}`", text);
  };
  const std::string minutes =
      record.seconds ? fmt::format("{:.1f}", *record.seconds / 60) : "not known";
  const Score& s = record.score;
  return fmt::format("| {:.2f} ± {:.2f} | {:.2f} | {} | {} | {} | {}, {} thread{} | `{}` |",
                     s.bleu.score, s.bleu_interval.half_width(), s.chrf, code(record.recipe),
                     record.seed.empty() ? "not known" : record.seed, minutes, cpu_name(),
                     glass::num_threads(), glass::num_threads() == 1 ? "" : "s", record.weights);
}

}  // namespace translate
