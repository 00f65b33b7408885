// # Reverse mode in 60 lines
//
// A whole autograd for single numbers, without glassgrad. A number remembers its parents and the
// slope along each; `backward` walks from the result to the inputs, newest first, and multiplies
// and adds slopes as it goes: the chain rule.
#include <cmath>
#include <cstdio>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

struct Node {
  double value;
  double grad = 0;
  std::vector<std::pair<std::shared_ptr<Node>, double>> parents = {};  // and ∂this/∂parent
  long birth = births++;                                               // parents are older
  static inline long births = 0;
};

// ## A number is a handle to its node
struct Scalar {
  Scalar(double value) : node(std::make_shared<Node>(Node{value})) {}
  Scalar(double value, std::vector<std::pair<Scalar, double>> parents) : Scalar(value) {
    for (const auto& [parent, slope] : parents) node->parents.emplace_back(parent.node, slope);
  }
  double value() const { return node->value; }
  double grad() const { return node->grad; }

  // A node is newer than its parents. So when the newest waiting node has its turn, all nodes that
  // used its value have had theirs, and its gradient is complete.
  void backward() const {
    const auto older = [](const auto& a, const auto& b) { return a->birth < b->birth; };
    std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(older)>
        waiting(older);
    node->grad = 1;
    waiting.push(node);
    while (!waiting.empty()) {
      const auto top = waiting.top();
      // A node used twice is in the queue twice. One turn is enough, since its gradient is already
      // the sum.
      while (!waiting.empty() && waiting.top() == top) waiting.pop();
      for (const auto& [parent, slope] : top->parents) {
        parent->grad += top->grad * slope;
        waiting.push(parent);
      }
    }
  }

  std::shared_ptr<Node> node;
};

// ## An op: its value, and its slope along each parent
Scalar operator+(const Scalar& a, const Scalar& b) {
  return {a.value() + b.value(), {{a, 1}, {b, 1}}};
}
Scalar operator*(const Scalar& a, const Scalar& b) {
  return {a.value() * b.value(), {{a, b.value()}, {b, a.value()}}};
}
Scalar tanh(const Scalar& x) {
  const double y = std::tanh(x.value());
  return {y, {{x, 1 - y * y}}};
}

// ## A neuron, and the same slopes by finite differences
int main(int argc, char**) {
  if (argc > 1) {
    std::fputs("00_scalar: takes no arguments\n", stderr);
    return 2;
  }

  const Scalar x = 0.5, w = -1.5, b = 2.0;
  const Scalar y = tanh(w * x + b) * x;
  y.backward();
  std::printf("y = %.6f   dy/dx = %.6f   dy/dw = %.6f   dy/db = %.6f\n", y.value(), x.grad(),
              w.grad(), b.grad());

  const auto f = [](double in, double weight, double bias) {
    return std::tanh(weight * in + bias) * in;
  };
  const double h = 1e-6;
  std::printf("by differences: dx %.6f   dw %.6f   db %.6f\n",
              (f(0.5 + h, -1.5, 2) - f(0.5 - h, -1.5, 2)) / (2 * h),
              (f(0.5, -1.5 + h, 2) - f(0.5, -1.5 - h, 2)) / (2 * h),
              (f(0.5, -1.5, 2 + h) - f(0.5, -1.5, 2 - h)) / (2 * h));

  if (std::fflush(stdout) == 0) return 0;  // the text is in a buffer: write errors show only here
  std::perror("00_scalar: cannot write the standard output");
  return 2;
}
