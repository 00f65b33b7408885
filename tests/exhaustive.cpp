// # exp and tanh of every float
//
// Compares all 2³² of them with the standard library's double, and prints the largest error in
// units in the last place. Exits with 1 if exp is off by more than 2, tanh by more than 4.
#include <glassgrad.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <mutex>
#include <thread>

#include "tests/ulp.h"

using namespace glass;
using glass::oracle::ulps;

namespace {

struct Worst {
  double error = 0;
  float at = 0;
};

template <class F, class Exact>
Worst worst_in(std::uint64_t begin, std::uint64_t end, F f, Exact exact) {
  Tensor x = zeros(Shape{static_cast<Index>(end - begin)});
  for (std::uint64_t bits = begin; bits < end; ++bits)
    x.data()[bits - begin] = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  const Tensor y = f(x);
  Worst worst;
  for (Index i = 0; i < x.numel(); ++i) {
    const double error = ulps(y.data()[i], exact(static_cast<double>(x.data()[i])));
    if (error > worst.error) worst = {error, x.data()[i]};
  }
  return worst;
}

template <class F, class Exact>
bool check(const char* name, double allowed, F f, Exact exact) {
  constexpr std::uint64_t part = 1 << 20, all = std::uint64_t{1} << 32;
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  Worst worst;
  const auto work = [&] {
    for (std::uint64_t begin; (begin = next.fetch_add(part)) < all;) {
      const Worst found = worst_in(begin, begin + part, f, exact);
      const std::lock_guard lock(mutex);
      if (found.error > worst.error) worst = found;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  fmt::print("{}: {:.3f} ulp at {:.9g}, {} allowed\n", name, worst.error, worst.at, allowed);
  return worst.error <= allowed;
}

}  // namespace

int main() {
  set_num_threads(1);
  const bool exp_is_right = check(
      "exp", 2, [](const Tensor& x) { return exp(x); }, [](double x) { return std::exp(x); });
  const bool tanh_is_right = check(
      "tanh", 4, [](const Tensor& x) { return tanh(x); }, [](double x) { return std::tanh(x); });
  return exp_is_right && tanh_is_right ? 0 : 1;
}
