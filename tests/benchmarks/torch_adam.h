// # libtorch's fastest Adam
//
// torch::optim::Adam runs a dozen ops for each parameter. From 2.4 on libtorch also has one op for
// the whole step on a CPU, which the optimiser of Python calls with `fused=True`. C++ has no class
// for it, so that it is called here as the one of Python does.
#pragma once

#include <utility>
#include <vector>

#include "tests/benchmarks/torch_parts.h"

namespace bench {

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)

class TorchAdam {
 public:
  TorchAdam(std::vector<torch::Tensor> parameters, const Model& m)
      : parameters_(std::move(parameters)), beta2_(m.beta2), eps_(m.eps) {
    for (const torch::Tensor& p : parameters_) {
      means_.push_back(torch::zeros_like(p));
      squares_.push_back(torch::zeros_like(p));
      steps_.push_back(torch::zeros({}));
    }
  }

  void step(double rate) {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& p : parameters_) gradients.push_back(p.grad());
    at::_foreach_add_(steps_, 1);
    at::_fused_adam_(parameters_, gradients, means_, squares_, {}, steps_, rate, 0.9, beta2_,
                     /*weight_decay=*/0, eps_, /*amsgrad=*/false, /*maximize=*/false);
  }

 private:
  std::vector<torch::Tensor> parameters_, means_, squares_, steps_;
  double beta2_, eps_;
};

#else

class TorchAdam {
 public:
  TorchAdam(std::vector<torch::Tensor> parameters, const Model& m)
      : adam_(std::move(parameters),
              torch::optim::AdamOptions(1e-3).betas({0.9, m.beta2}).eps(m.eps)) {}

  void step(double rate) {
    static_cast<torch::optim::AdamOptions&>(adam_.param_groups()[0].options()).lr(rate);
    adam_.step();
  }

 private:
  torch::optim::Adam adam_;
};

#endif

}  // namespace bench
