// # An op of your own
//
// The cosine of the angle between two vectors, as one op: its value, and one function that gives
// the gradients of both vectors, since they share their work. gradcheck compares these gradients
// with finite differences, which need double: link glassgrad::f64.
// What to see: the right gradient passes; a wrong one is refuted, and the report says where.
//
// In the shapes, B is the number of vectors, and C the number of their elements.
#include <glassgrad.h>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace glass;

// c = x·y / (|x| |y|), for each row of x and y [B, C] → [B]
//     dx = g · (y / (|x| |y|) − c x / |x|²)
//     dy = g · (x / (|x| |y|) − c y / |y|²)
// A common mistake, made here on request: the second terms are forgotten, as if the lengths of x
// and y were constants.
Var cosine(const Var& x, const Var& y, bool forget_lengths = false) {
  const Tensor &a = x.value(), &b = y.value();    // [B, C]
  const Tensor aa = sum(a * a, -1, true);         // |x|²  [B, 1]
  const Tensor bb = sum(b * b, -1, true);         // |y|²  [B, 1]
  const Tensor scale = 1 / sqrt(aa * bb);         // [B, 1]
  const Tensor c = sum(a * b, -1, true) * scale;  // [B, 1]

  // The function captures Tensors, never a Var: a Var would keep its own graph alive.
  auto vjp = [=](const Tensor& g) -> std::vector<Tensor> {
    const Tensor up = g.unsqueeze(-1);  // [B, 1]
    if (forget_lengths) return {up * scale * b, up * scale * a};
    return {up * (scale * b - c / aa * a), up * (scale * a - c / bb * b)};  // [B, C] each
  };
  return record("cosine", c.squeeze(-1), {x, y}, vjp);  // [B]
}

// Prints, and returns whether the claim holds.
bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Var x(normal({3, 4}, 0, 1, rng), true), y(normal({3, 4}, 0, 1, rng), true);  // [B, C]

  const auto right = gradcheck([&] { return cosine(x, y); }, {{"x", x}, {"y", y}});
  const auto wrong = gradcheck([&] { return cosine(x, y, true); }, {{"x", x}, {"y", y}});
  fmt::print("the right gradient: {}\n\nthe wrong gradient: {}\n\n", right.text, wrong.text);

  const bool holds = right.ok && !wrong.ok && wrong.worst_error > 1e-2;
  fmt::print(
      "claim: the right gradient passes (error {:.0e}), the wrong one is refuted (error {:.0e}, "
      "at least 1e-2): {}\n",
      right.worst_error, wrong.worst_error, holds ? "holds" : "fails");
  return holds;
}

// The only argument is the seed. Status 0: the claim holds; 1: it fails; 2: an error.
int main(int argc, char** argv) try {
  const std::string word = argc > 1 ? argv[1] : "1";
  const std::uint64_t seed = std::strtoull(word.c_str(), nullptr, 10);
  if (argc > 2 || std::to_string(seed) != word)  // of "abc" or "3x" strtoull reads only a part
    throw std::invalid_argument("usage: one optional seed, a whole number");
  const bool holds = run(seed);
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the standard output");
  return holds ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}

// Change first: return the distance 1 − c instead of c. The first check fails until both gradients
// in the last return of vjp begin with a minus.
