// # parity: glassgrad's f64 library against PyTorch's
//
// Draws random cases of every op, asks both libraries for the value and for the gradients under one
// random cotangent, and compares them number by number. Exits with 1 if any differs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "tests/parity/golden.h"
#include "tests/parity/rows.h"

using namespace glass;
using namespace glass::parity;

namespace {

constexpr double value_tolerance = 1e-10, gradient_tolerance = 1e-9;  // |Δ| / (1 + |reference|)
constexpr std::size_t most_reports = 10;

const char* const usage = R"(parity [options]
  --cases N        cases of each op (500)
  --seed S         the first case's seed; case k has seed S + k (1)
  --op NAME        this op alone
  --golden FOLDER  write the golden files instead
Replay one case: parity --op NAME --seed SEED --cases 1
)";

// ---- comparing ----

struct Score {
  std::uint64_t comparisons = 0, differences = 0;
  double worst_value = 0, worst_gradient = 0;
};

class Comparison {
 public:
  // `what` is the value or the gradient of an input.
  void compare(const std::string& what, const Tensor& got, const Tensor& want, double tolerance,
               double& worst) {
    if (got.shape() != want.shape())
      return differ(
          fmt::format("{} has shape {}, torch's has {}", what, got.shape(), want.shape()));
    const std::vector<Real> a = got.to_vector(), b = want.to_vector();
    for (std::size_t i = 0; i < a.size(); ++i) {
      ++score.comparisons;
      if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
      const double error = std::abs(a[i] - b[i]) / (1 + std::abs(b[i]));
      if (std::isfinite(error)) worst = std::max(worst, error);
      if (!(error <= tolerance))
        differ(fmt::format("{} of shape {} at element {}: {:.17g}, torch {:.17g}", what,
                           got.shape(), i, a[i], b[i]));
    }
  }

  void differ(const std::string& what) {
    if (++score.differences <= most_reports)
      reports.push_back(fmt::format("{}, {}", description, what));
  }

  std::string description;  // of the case
  Score score;
  std::vector<std::string> reports;
};

// ---- both sides of one case ----

Result ask_torch(const Row& row, const Case& given, const Tensor& cotangent) {
  Reference reference{given, {}, {}};
  for (const Tensor& x : given.inputs) reference.x.push_back(to_torch(x).requires_grad_());
  for (const Tensor& x : given.constants) reference.masks.push_back(to_torch(x));
  const torch::Tensor y = row.torch(reference);
  Result result{from_torch(y), cotangent, {}};
  if (!y.requires_grad()) return {result.value, Tensor(), {}};
  const auto gradients = torch::autograd::grad({y}, reference.x, {to_torch(cotangent)}, {}, false,
                                               /*allow_unused=*/true);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    result.gradients.push_back(gradients[i].defined() ? from_torch(gradients[i])
                                                      : zeros(given.inputs[i].shape()));
  return result;
}

void run_case(const Row& row, std::uint64_t seed, Comparison& comparison) {
  Dice dice(seed, false);
  const Case given = row.draw(dice);
  std::vector<Shape> shapes;
  for (const Tensor& x : given.inputs) shapes.push_back(x.shape());
  for (const Tensor& x : given.constants) shapes.push_back(x.shape());
  comparison.description =
      fmt::format("{}, seed {}, shapes {}, options {}", row.op, seed, shapes, given.options);

  std::vector<Input> inputs;
  for (const Tensor& x : given.inputs) inputs.push_back(dice.input(x));
  Result got = evaluate(row.op, given, inputs, [&](const Shape& shape) {
    return dice.numbers(shape, {-1, 1});
  });
  const Result want = ask_torch(row, given, got.cotangent);

  comparison.compare("value", got.value, want.value,
                     row.tolerance > 0 ? row.tolerance : value_tolerance,
                     comparison.score.worst_value);
  if (got.gradients.size() != want.gradients.size())
    return comparison.differ("only one of the two has a gradient");
  for (std::size_t i = 0; i < inputs.size() && !got.gradients.empty(); ++i) {
    // The gradient of the leaf, read as the op read the leaf. Numbers around it must get gradient
    // 0.
    const NoGrad plain;
    const Tensor seen = inputs[i].view(got.gradients[i]).value();
    comparison.compare(fmt::format("gradient of input {}", i), seen, want.gradients[i],
                       gradient_tolerance, comparison.score.worst_gradient);
    Tensor around = got.gradients[i].clone();
    inputs[i].view(around).value().fill(0);
    if (sum(abs(around)).item() != 0)
      comparison.differ(fmt::format("input {} has a gradient outside what was read", i));
  }
}

// ---- golden files ----

void write_golden(const std::vector<Row>& rows, const std::string& folder) {
  std::map<std::string, std::vector<Answered>> golden;
  std::uint64_t seed = 0;  // each row has its own seed, else all would draw the same cases
  for (const Row& row : rows)
    for (int i = 0; i < row.golden; ++i) {
      Dice dice(++seed, true);
      const Case given = row.draw(dice);
      std::vector<Input> inputs;
      for (const Tensor& x : given.inputs) inputs.push_back(dice.input(x));
      const auto draw = [&](const Shape& shape) { return dice.numbers(shape, {-1, 1}); };
      const Tensor cotangent = evaluate(row.op, given, inputs, draw).cotangent;
      golden[row.op].push_back({given, ask_torch(row, given, cotangent)});
    }
  std::filesystem::create_directories(folder);
  for (auto& [file, tensors] : write_layers(folder))
    golden["file " + file] = {{Case{tensors, {}, {}}, Result{}}};
  save_golden(golden, folder + "/cases.safetensors");
}

// ---- the table ----

int run(const std::vector<Row>& rows, std::uint64_t cases, std::uint64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  const char* const line = "{:<20}{:>7}{:>13}{:>14}{:>14}{:>13}\n";
  fmt::print(fmt::runtime(line), "op", "cases", "comparisons", "worst value", "worst grad.",
             "differences");
  Score total;
  std::uint64_t total_cases = 0;
  std::vector<std::string> reports;
  for (const Row& row : rows) {
    Comparison comparison;
    const std::uint64_t own_cases =
        std::max<std::uint64_t>(1, cases / static_cast<unsigned>(row.rarity));
    for (std::uint64_t k = 0; k < own_cases; ++k) {
      try {
        run_case(row, seed + k, comparison);
      } catch (const std::exception& error) {
        comparison.differ(fmt::format("threw: {}", error.what()));
      }
    }
    const Score& score = comparison.score;
    fmt::print(fmt::runtime(line), row.op, own_cases, score.comparisons,
               fmt::format("{:.1e}", score.worst_value),
               fmt::format("{:.1e}", score.worst_gradient), score.differences);
    std::fflush(stdout);
    reports.insert(reports.end(), comparison.reports.begin(), comparison.reports.end());
    total_cases += own_cases;
    total.comparisons += score.comparisons;
    total.differences += score.differences;
    total.worst_value = std::max(total.worst_value, score.worst_value);
    total.worst_gradient = std::max(total.worst_gradient, score.worst_gradient);
  }
  fmt::print(fmt::runtime(line), "all", total_cases, total.comparisons,
             fmt::format("{:.1e}", total.worst_value), fmt::format("{:.1e}", total.worst_gradient),
             total.differences);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  fmt::print("PyTorch {}, errors as |difference| / (1 + |torch's|), {:.1f} s\n", TORCH_VERSION,
             time.count());
  for (const std::string& report : reports) fmt::print("{}\n", report);
  return total.differences == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) try {
  std::uint64_t cases = 500, seed = 1;
  std::string golden, only;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i] == "--help") return fmt::print("{}", usage), 0;
    const bool known = words[i] == "--cases" || words[i] == "--seed" || words[i] == "--op" ||
                       words[i] == "--golden";
    if (!known || i + 1 == words.size()) return fmt::print(stderr, "{}", usage), 2;
    const std::string& value = words[i + 1];
    if (words[i] == "--cases") cases = std::stoull(value);
    if (words[i] == "--seed") seed = std::stoull(value);
    if (words[i] == "--op") only = value;
    if (words[i] == "--golden") golden = value;
  }

  torch::set_num_threads(1);  // the cases are small
  std::vector<Row> rows = op_rows();
  for (Row& row : layer_rows()) rows.push_back(std::move(row));
  if (!golden.empty()) return write_golden(rows, golden), 0;
  if (!only.empty()) std::erase_if(rows, [&](const Row& row) { return row.op != only; });
  if (rows.empty()) return fmt::print(stderr, "parity: there is no op '{}'\n", only), 2;
  return run(rows, cases, seed);
} catch (const std::exception& error) {
  return fmt::print(stderr, "parity: {}\n{}", error.what(), usage), 2;
}
