// # Programs against libtorch
//
// What each op is in PyTorch. Ops that it has not, or defines differently, have no entry, and
// programs_torch makes its programs of the others.
#include <torch/torch.h>

#include <map>

#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

using T = torch::Tensor;
using Ts = std::vector<T>;
using A = const Args&;
using Form = std::function<T(const Ts&, A)>;

// ---- tensors ----

std::vector<std::int64_t> sizes_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

T to_torch(const Tensor& x) {
  std::vector<double> values;
  for (const Real v : x.to_vector()) values.push_back(value_of(v));
  return torch::tensor(values, torch::kFloat64).reshape(sizes_of(x.shape()));
}
Tensor from_torch(const T& x) {
  const T flat = x.contiguous().reshape({-1});
  std::vector<Real> values;
  for (std::int64_t i = 0; i < flat.numel(); ++i) values.emplace_back(flat.data_ptr<double>()[i]);
  const auto sizes = x.sizes().vec();
  return Tensor(Shape(std::span<const Index>(sizes)), std::move(values));
}

T indices(A a, std::size_t from) {
  return torch::tensor(
      std::vector<std::int64_t>(a.begin() + static_cast<std::ptrdiff_t>(from), a.end()),
      torch::kInt64);
}
std::vector<std::int64_t> sizes(A a) { return {a.begin(), a.end()}; }

// ---- ops ----

T attention_of(const Ts& x, const c10::optional<T>& mask) {
  const T scores = torch::matmul(x[0], x[1].mT()) / std::sqrt(static_cast<double>(x[0].size(3)));
  if (!mask) return torch::matmul(torch::softmax(scores, -1), x[2]);
  T seen = mask->dim() == 3 ? mask->unsqueeze(1) : *mask;
  seen = seen.expand(scores.sizes());
  const T weights = torch::softmax(scores.masked_fill(seen == 0, -1e300), -1);
  return torch::matmul(weights * seen, x[2]);
}

T cross_entropy_of(const T& logits, A targets, bool each) {
  namespace F = torch::nn::functional;
  auto options = F::CrossEntropyFuncOptions().ignore_index(-100);
  if (each) options = options.reduction(torch::kNone).label_smoothing(0.25);
  // Not −1 for the number of rows: libtorch refuses it where there are no numbers.
  const T rows = logits.reshape({static_cast<Index>(targets.size()), logits.size(-1)});
  const T loss = F::cross_entropy(rows, indices(targets, 0), options);
  if (!each) return loss;
  auto shape = logits.sizes().vec();
  shape.pop_back();
  return loss.reshape(shape);
}

// NOLINTNEXTLINE(readability-function-size): a table
const std::map<std::string, Form>& forms() {
  static const std::map<std::string, Form> table = {
      {"tanh($0)", [](const Ts& x, A) { return torch::tanh(x[0]); }},
      {"0.75 + sigmoid($0)", [](const Ts& x, A) { return 0.75 + torch::sigmoid(x[0]); }},
      {"exp($0)", [](const Ts& x, A) { return torch::exp(x[0]); }},
      {"log($0)", [](const Ts& x, A) { return torch::log(x[0]); }},
      {"log1p($0)", [](const Ts& x, A) { return torch::log1p(x[0]); }},
      {"sqrt($0)", [](const Ts& x, A) { return torch::sqrt(x[0]); }},
      {"sin($0)", [](const Ts& x, A) { return torch::sin(x[0]); }},
      {"cos($0)", [](const Ts& x, A) { return torch::cos(x[0]); }},
      {"sigmoid($0)", [](const Ts& x, A) { return torch::sigmoid(x[0]); }},
      // with a kink, and their relatives
      {"relu($0)", [](const Ts& x, A) { return torch::relu(x[0]); }},
      {"softplus($0)",
       [](const Ts& x, A) { return torch::logaddexp(x[0], torch::zeros_like(x[0])); }},
      {"gelu($0)", [](const Ts& x, A) { return torch::gelu(x[0]); }},
      {"abs($0)", [](const Ts& x, A) { return torch::abs(x[0]); }},
      {"pow($0, %0)", [](const Ts& x, A a) { return torch::pow(x[0], a[0] / 4.0); }},
      {"pow($0, 3)", [](const Ts& x, A) { return torch::pow(x[0], 3); }},
      {"clamp($0, -0.75, 1)", [](const Ts& x, A) { return torch::clamp(x[0], -0.75, 1); }},
      {"-$0", [](const Ts& x, A) { return -x[0]; }},
      {"2 - $0 * 0.5", [](const Ts& x, A) { return 2 - x[0] * 0.5; }},
      {"3 / $0 - 1", [](const Ts& x, A) { return 3 / x[0] - 1; }},

      // two operands
      {"$0 + $1", [](const Ts& x, A) { return x[0] + x[1]; }},
      {"$0 - $1", [](const Ts& x, A) { return x[0] - x[1]; }},
      {"$0 * $1", [](const Ts& x, A) { return x[0] * x[1]; }},
      {"$0 / $1", [](const Ts& x, A) { return x[0] / x[1]; }},
      {"maximum($0, $1)", [](const Ts& x, A) { return torch::maximum(x[0], x[1]); }},
      {"minimum($0, $1)", [](const Ts& x, A) { return torch::minimum(x[0], x[1]); }},
      {"where($0 <= $1, $0, 2 * $1)",
       [](const Ts& x, A) { return torch::where(x[0] <= x[1], x[0], 2 * x[1]); }},
      {"where($2.value(), $0, $1)",
       [](const Ts& x, A) { return torch::where(x[2] != 0, x[0], x[1]); }},
      {"$0.detach()", [](const Ts& x, A) { return x[0].detach(); }},

      // reductions
      {"sum($0)", [](const Ts& x, A) { return torch::sum(x[0]); }},
      {projection,
       [](const Ts& x, A) {
         const auto shape = x[0].sizes().vec();
         const Tensor seed = seed_for(zeros(Shape(std::span<const Index>(shape))));
         return torch::sum(x[0] * to_torch(seed));
       }},
      {"sum($0, #0, #1)", [](const Ts& x, A a) { return torch::sum(x[0], a[0], a[1] == 1); }},
      {"mean($0)", [](const Ts& x, A) { return torch::mean(x[0]); }},
      {"mean($0, {#0, #1}, true)",
       [](const Ts& x, A a) {
         return torch::mean(x[0], {a[0], a[1]}, true);
       }},
      {"var($0, #0, #1)",
       [](const Ts& x, A a) { return torch::var(x[0], c10::IntArrayRef{a[0]}, true, a[1] == 1); }},
      {"logsumexp($0, #0, #1)",
       [](const Ts& x, A a) { return torch::logsumexp(x[0], a[0], a[1] == 1); }},
      {"amax($0, #0, #1)", [](const Ts& x, A a) { return torch::amax(x[0], a[0], a[1] == 1); }},
      {"max($0)", [](const Ts& x, A) { return torch::max(x[0]); }},
      {"min($0)", [](const Ts& x, A) { return torch::min(x[0]); }},
      {"cumsum($0, #0)", [](const Ts& x, A a) { return torch::cumsum(x[0], a[0]); }},

      // rows and products
      {"softmax($0, #0)", [](const Ts& x, A a) { return torch::softmax(x[0], a[0]); }},
      {"log_softmax($0, #0)", [](const Ts& x, A a) { return torch::log_softmax(x[0], a[0]); }},
      {"layer_norm($0, $1, $2, 0.1)",
       [](const Ts& x, A) { return torch::layer_norm(x[0], {x[0].size(-1)}, x[1], x[2], 0.1); }},
      {"matmul($0, $1)", [](const Ts& x, A) { return torch::matmul(x[0], x[1]); }},
      {"linear($0, $1, $2)", [](const Ts& x, A) { return torch::linear(x[0], x[1], x[2]); }},
      {"attention($0, $1, $2)", [](const Ts& x, A) { return attention_of(x, {}); }},
      {"attention($0, $1, $2, $3.value())", [](const Ts& x, A) { return attention_of(x, x[3]); }},
      {"cross_entropy($0, std::vector<int>{@0}, {.label_smoothing = 0.25, .reduce = false})",
       [](const Ts& x, A a) { return cross_entropy_of(x[0], a, true); }},

      // views
      {"transpose($0, #0, #1)", [](const Ts& x, A a) { return x[0].transpose(a[0], a[1]); }},
      {"mT($0)", [](const Ts& x, A) { return x[0].mT(); }},
      {"permute($0, {@0})", [](const Ts& x, A a) { return x[0].permute(sizes(a)); }},
      {"reshape($0, {@0})", [](const Ts& x, A a) { return x[0].reshape(sizes(a)); }},
      {"slice($0, #0, #1, #2, #3)",
       [](const Ts& x, A a) { return x[0].slice(a[0], a[1], a[2], a[3]); }},
      {"select($0, #0, #1)", [](const Ts& x, A a) { return x[0].select(a[0], a[1]); }},
      {"expand($0, {@0})", [](const Ts& x, A a) { return x[0].expand(sizes(a)); }},
      {"unsqueeze($0, #0)", [](const Ts& x, A a) { return x[0].unsqueeze(a[0]); }},
      {"squeeze($0, #0)", [](const Ts& x, A a) { return x[0].squeeze(a[0]); }},
      // joining and picking
      {"cat({$0, $1, $1}, 0)",
       [](const Ts& x, A) {
         return torch::cat({x[0], x[1], x[1]}, 0);
       }},
      {"stack({$0, $1, $1}, #0)",
       [](const Ts& x, A a) {
         return torch::stack({x[0], x[1], x[1]}, a[0]);
       }},
      {"take($0, #0, std::vector<int>{@1})",
       [](const Ts& x, A a) { return torch::index_select(x[0], a[0], indices(a, 1)); }},
  };
  return table;
}

}  // namespace

bool is_wanted(const Op& op) { return forms().contains(op.text); }

std::string agrees_with_torch(const Program& program) {
  if (program.at_kinks || is_long(program)) return "";
  torch::set_num_threads(1);  // the tensors are small
  for (const Step& step : program.steps)
    if (!is_wanted(ops()[step.op])) return "";
  // Our result, whose shapes say what the arguments of the steps are.
  const Run values = run(program);
  const Swept ours = swept(values);
  Ts leaves, steps;
  for (std::size_t i = 0; i < values.leaves.size(); ++i)
    leaves.push_back(to_torch(values.leaves[i].value()).requires_grad_(program.leaves[i].trained));
  for (const Step& step : program.steps) {
    Ts x;
    for (const Operand operand : step.operands)
      x.push_back((is_leaf(operand) ? leaves : steps)[index_of(operand)]);
    const Args args = legal_args(ops()[step.op], operands_of(values, step), step.args);
    const T y = forms().at(ops()[step.op].text)(x, args);
    steps.push_back(step.no_grad ? y.detach() : y);
  }
  // Theirs.
  steps.back().backward(to_torch(seed_for(ours.value)));
  Swept theirs{from_torch(steps.back()), {}};
  for (std::size_t i = 0; i < leaves.size(); ++i)
    theirs.gradients.push_back(leaves[i].grad().defined() ? from_torch(leaves[i].grad())
                                                          : zeros(values.leaves[i].shape()));
  return difference(program, ours, theirs, 1e-11 * (program.huge ? largest(values) : 1));
}

}  // namespace glass::programs
