// # libtorch's ops
#include "tests/benchmarks/torch_parts.h"

namespace bench {

using torch::Tensor;

Op torch_op(const OpCase& c) {
  const auto row = [](const std::vector<float>& v) { return torch::tensor(v).requires_grad_(); };
  const Tensor x = torch::tensor(c.x).view({c.rows, c.columns}).requires_grad_();
  const Tensor weight = row(c.weight), bias = row(c.bias);
  const Tensor targets = torch::tensor(c.targets, torch::kLong);
  const std::map<std::string, std::function<Tensor()>> ops = {
      {"softmax", [=] { return x.softmax(-1); }},
      {"log_softmax", [=] { return x.log_softmax(-1); }},
      {"layer_norm", [=] { return torch::layer_norm(x, {x.size(1)}, weight, bias); }},
      {"gelu", [=] { return torch::gelu(x); }},
      {"tanh", [=] { return x.tanh(); }},
      {"exp", [=] { return x.exp(); }},
      {"relu", [=] { return x.relu(); }},
      {"add bias", [=] { return x + bias; }},
      {"dropout", [=] { return torch::dropout(x, 0.1, true); }},
      {"cross_entropy", [=] { return torch::cross_entropy_loss(x, targets); }},
      {"sum", [=] { return x.sum(); }},
      {"sum, axis 0", [=] { return x.sum(0); }},
      {"sum, axis 1", [=] { return x.sum(1); }},
  };
  const auto op = ops.at(c.op);
  const Tensor y = op().detach();
  const Tensor seed = y.sizes() == x.sizes() ? x.detach() : torch::ones_like(y);
  const auto both = [=] {
    for (const Tensor& leaf : {x, weight, bias}) leaf.mutable_grad().reset();
    const Tensor result = op();
    result.backward(seed);
    return result.detach();
  };
  const auto answer = [=] {
    const Tensor result = both();
    const Tensor all = torch::cat({result.flatten(), x.grad().flatten()});
    return std::vector<float>(all.data_ptr<float>(), all.data_ptr<float>() + all.numel());
  };
  return {[op] { op(); }, [both] { both(); }, answer};
}

Chain torch_chain(const ChainCase& c) {
  const Tensor x = torch::full({8}, 0.5f).requires_grad_(), one = torch::ones(8), seed = one;
  const auto kept = std::make_shared<Tensor>();
  const auto run = [=] {
    Tensor y = x;
    for (int i = 0; i < c.length; ++i) {
      const int turn = c.op == "add" ? 0 : c.op == "mul" ? 1 : c.op == "tanh" ? 2 : i % 3;
      y = turn == 0 ? y + one : turn == 1 ? y * one : y.tanh();
    }
    return y;
  };
  return {.plain =
              [run] {
                const torch::InferenceMode nothing_recorded;
                run();
              },
          .build = [=] { *kept = run(); },
          .sweep =
              [=] {
                x.mutable_grad().reset();
                kept->backward(seed);
              },
          .drop = [kept] { kept->reset(); }};
}

}  // namespace bench
