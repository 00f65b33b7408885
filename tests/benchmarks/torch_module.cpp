// # The one exported function of the libtorch module
#include "tests/benchmarks/torch_parts.h"

extern "C" const bench::Torch* bench_torch();

const bench::Torch* bench_torch() {
  static const bench::Torch torch{
      .version = TORCH_VERSION,
      .set_threads =
          [](int threads) {
            at::set_num_threads(threads);
            at::set_num_interop_threads(1);  // the sweep on a CPU runs in its caller
            torch::manual_seed(1);
          },
      .op = bench::torch_op,
      .chain = bench::torch_chain,
      .trainers = bench::torch_trainers(),
      .attention = bench::torch_attention(),
      .layers = bench::torch_layers(),
  };
  return &torch;
}
