// # Every rung is the definition
//
// The operands are small whole numbers, so that every sum is exact: a rung must give what the naive
// one gives to the last bit, in whatever order it adds. The page of memory after
// their last number is protected, and C is filled with NaN first.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "examples/matmul_ladder/rungs.h"
#include "tensor/matmul.h"
#include "tensor/random.h"
#include "tests/catch.h"
#include "tests/threads.h"

namespace matmul_ladder_test {

using namespace ladder;
using glass::oracle::Threads;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float inf = std::numeric_limits<float>::infinity();

// `count` floats between two protected pages, which may be neither read nor written. The last float
// ends where the second page begins.
class Guarded {
 public:
  explicit Guarded(Index count) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
    const std::size_t inside = (bytes + page - 1) / page * page;
    length_ = inside + 2 * page;
    start_ =
        static_cast<char*>(::mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (start_ == MAP_FAILED ||
        (inside > 0 && ::mprotect(start_ + page, inside, PROT_READ | PROT_WRITE) != 0))
      std::abort();
    values_ = {reinterpret_cast<float*>(start_ + page + inside - bytes),
               static_cast<std::size_t>(count)};
  }
  ~Guarded() { ::munmap(start_, length_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  std::span<float> values() const { return values_; }
  float* data() const { return values_.data(); }

 private:
  char* start_ = nullptr;
  std::size_t length_ = 0;
  std::span<float> values_;
};

struct Case {
  Case(Index products, Index rows, Index columns, Index depth)
      : count(products),
        m(rows),
        n(columns),
        k(depth),
        a(count * m * k),
        b(count * k * n),
        c(count * m * n) {
    std::uint32_t state = 1;
    for (const Guarded* matrix : {&a, &b})
      for (float& x : matrix->values()) {
        state = state * 1664525 + 1013904223;
        x = static_cast<float>(state >> 28) - 8;  // −8 … 7
      }
  }

  std::vector<float> product(Product* rung) const {
    return product_by([&] {
      for (Index i = 0; i < count; ++i)
        rung(m, n, k, a.data() + i * m * k, b.data() + i * k * n, c.data() + i * m * n);
    });
  }
  std::vector<float> batched_product() const {
    return product_by([&] { batched(count, m, n, k, a.data(), b.data(), c.data()); });
  }
  template <class F>
  std::vector<float> product_by(F compute) const {
    std::fill(c.values().begin(), c.values().end(), not_a_number);
    compute();
    return {c.values().begin(), c.values().end()};
  }

  Index count, m, n, k;
  Guarded a, b, c;
};

// Where two results differ first; empty if they are the same. NaN is NaN.
std::string difference(const std::vector<float>& x, const std::vector<float>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (x[i] != expected[i] && !(std::isnan(x[i]) && std::isnan(expected[i])))
      return fmt::format("number {} of {} is {}, not {}", i, x.size(), x[i], expected[i]);
  return "";
}

// The first rung that differs from the naive one.
std::string wrong_rung(const Case& x) {
  const auto report = [&](const char* rung, const std::string& difference) {
    return fmt::format("{}, {} × ({}×{} @ {}×{}): {}", rung, x.count, x.m, x.k, x.k, x.n,
                       difference);
  };
  const std::vector<float> expected = x.product(naive);
  for (const Rung& rung : rungs)
    if (const auto wrong = difference(x.product(rung.product), expected); !wrong.empty())
      return report(rung.name, wrong);
  if (const auto wrong = difference(x.batched_product(), expected); !wrong.empty())
    return report("7 batched", wrong);
  return "";
}

}  // namespace

TEST_CASE("the naive rung is the library's oracle") {
  for (const auto& [m, n, k] : {std::array<Index, 3>{1, 1, 1}, {3, 5, 7}, {20, 9, 33}, {2, 3, 0}}) {
    const Case x(1, m, n, k);
    glass::Tensor a = glass::zeros({m, k}), b = glass::zeros({k, n});
    std::copy(x.a.values().begin(), x.a.values().end(), a.data());
    std::copy(x.b.values().begin(), x.b.values().end(), b.data());
    const glass::Tensor c = glass::matmul_naive(a, b);
    INFO(m << ' ' << n << ' ' << k);
    CHECK(difference(x.product(naive), {c.data(), c.data() + c.numel()}) == "");
  }
}

TEST_CASE("every rung is the naive one for every size from 0 to 20") {
  std::string report;
  for (Index m = 0; m <= 20; ++m)
    for (Index n = 0; n <= 20; ++n)
      for (Index k = 0; k <= 20 && report.empty(); k += (m + n) % 2 ? 3 : 4)
        report = wrong_rung(Case(1, m, n, k));
  CHECK(report == "");
}

TEST_CASE("every rung is the naive one on both sides of each edge of its tiles and blocks") {
  const Threads two(2);
  for (const auto& [m, n, k] : {std::array<Index, 3>{13, 31, 5},
                                {12, 32, 255},
                                {25, 33, 256},
                                {24, 65, 257},
                                {1, 130, 64},
                                {130, 1, 65},
                                {97, 33, 300},
                                {96, 48, 256},
                                {95, 129, 40},
                                {193, 127, 15},
                                {64, 64, 64},
                                {7, 2048, 18},
                                {8, 2049, 17},
                                {7, 2063, 259},
                                {101, 257, 515}})
    CHECK(wrong_rung(Case(1, m, n, k)) == "");
}

TEST_CASE("a batch is its products one by one") {
  const Threads three(3);
  for (const auto& [count, m, n, k] : {std::array<Index, 4>{64, 10, 20, 64},
                                       {0, 3, 4, 5},
                                       {5, 0, 4, 5},
                                       {5, 3, 4, 0},
                                       {1, 3, 4, 5},
                                       {128, 12, 12, 32},
                                       {700, 7, 9, 11},
                                       {3, 70, 65, 64}})
    CHECK(wrong_rung(Case(count, m, n, k)) == "");
}

TEST_CASE("what is not a number reaches its own row or column and nothing else") {
  for (const auto& [m, n, k] : {std::array<Index, 3>{9, 33, 20}, {61, 65, 70}, {3, 17, 300}}) {
    const Case x(1, m, n, k);
    x.a.values()[static_cast<std::size_t>(m / 2 * k + k - 1)] = not_a_number;
    CHECK(wrong_rung(x) == "");
    x.b.values()[static_cast<std::size_t>(n - 1)] = inf;
    CHECK(wrong_rung(x) == "");
  }
}

TEST_CASE("a rung that has computed something larger leaves nothing behind") {
  for (const Index size : {70, 13, 40, 5}) CHECK(wrong_rung(Case(1, size, size, size)) == "");
}

TEST_CASE("threads do not change a bit") {
  const Case one(1, 200, 90, 300), many(70, 11, 21, 64);
  for (const Case* x : {&one, &many}) {
    glass::Rng rng(1);
    for (const Guarded* matrix : {&x->a, &x->b}) {
      const glass::Tensor numbers = glass::uniform({std::ssize(matrix->values())}, -1, 1, rng);
      std::copy_n(numbers.data(), numbers.numel(), matrix->data());
    }
    const auto serial = x->product(blocked), by_vectors = x->product(vector_tile);
    for (const int threads : {1, 2, 3, 7}) {
      const Threads now(threads);
      INFO(threads << " threads");
      CHECK(difference(x->product(threaded), serial) == "");
      if (x == &many) CHECK(difference(x->batched_product(), by_vectors) == "");
    }
  }
}

}  // namespace matmul_ladder_test
