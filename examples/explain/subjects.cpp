// # The two computations that the stories are about
#include <cmath>

#include "examples/explain/story.h"

namespace explain {

using glass::tensor;

const Var& noted(Subject& subject, std::string name, std::string code, const Var& value) {
  subject.lines[value.node()->birth] = {std::move(name), std::move(code)};
  return value;
}

const Var& leaf(Subject& subject, std::string name, std::string code, const Var& value) {
  subject.leaves.push_back(value);
  return noted(subject, std::move(name), std::move(code), value);
}

Subject expression() { return gated(tensor({0.1, -0.2})); }

Subject gated(const Tensor& numbers) {
  Subject s{.id = "expression",
            .title = "An expression",
            .lead =
                "Three points go through a layer that gates itself, h = u ⊙ sigmoid(u). How "
                "should its weights move to bring h nearer to the target?",
            .asks = "loss"};
  const Var x = leaf(s, "x", "three points", tensor({{1.0, -1.0}, {2.0, 0.5}, {-0.5, 1.0}}));
  const Var t = leaf(s, "t", "the target", tensor({{0.5, 0.0}, {1.0, -0.5}, {0.0, 1.0}}));
  const Var w = leaf(s, "w", "weights", Var(tensor({{0.5, -0.4}, {0.3, 0.8}}), true));
  const Var c = leaf(s, "c", "one number for each column", Var(numbers, true));

  const Var z = noted(s, "z", "z = matmul(x, w)", matmul(x, w));  // [3, 2]
  const Var u = noted(s, "u", "u = z + c", z + c);                // [3, 2]
  const Var gate = noted(s, "s", "s = sigmoid(u)", sigmoid(u));   // [3, 2]
  const Var h = noted(s, "h", "h = u * s", u * gate);             // [3, 2]
  const Var e = noted(s, "e", "e = h - t", h - t);                // [3, 2]
  const Var squares = noted(s, "q", "q = e * e", e * e);          // [3, 2]
  s.result = noted(s, "loss", "loss = mean(q)", mean(squares));   // []
  return s;
}

Subject attention_head() {
  Subject s{.id = "attention",
            .title = "An attention head",
            .lead =
                "Three tokens, each two numbers wide, look at each other: "
                "softmax(Q Kᵀ / √d) V. In a network the layers above send a gradient of the "
                "context; here one is chosen. What does it say to the tokens and the weights?",
            .asks = "L"};
  const Var x =
      leaf(s, "x", "three tokens", Var(tensor({{1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}}), true));
  const Var wq = leaf(s, "Wq", "makes queries", Var(tensor({{1.0, -0.5}, {0.5, 1.0}}), true));
  const Var wk = leaf(s, "Wk", "makes keys", Var(tensor({{0.5, 1.0}, {1.0, -1.0}}), true));
  const Var wv = leaf(s, "Wv", "makes values", Var(tensor({{1.0, 0.5}, {-1.0, 0.5}}), true));
  const Var root = noted(s, "√d", "√2, a constant", std::sqrt(2.0));

  const Var q = noted(s, "Q", "Q = matmul(x, Wq)", matmul(x, wq));       // [3, 2]
  const Var k = noted(s, "K", "K = matmul(x, Wk)", matmul(x, wk));       // [3, 2]
  const Var v = noted(s, "V", "V = matmul(x, Wv)", matmul(x, wv));       // [3, 2]
  const Var kt = noted(s, "Kᵀ", "Kᵀ = K.mT()", k.mT());                  // [2, 3]
  const Var scores = noted(s, "S", "S = matmul(Q, Kᵀ)", matmul(q, kt));  // [3, 3]
  const Var scaled = noted(s, "Z", "Z = S / √d", scores / root);         // [3, 3]
  const Var weights = noted(s, "P", "P = softmax(Z)", softmax(scaled));  // [3, 3]
  s.result = noted(s, "C", "C = matmul(P, V)", matmul(weights, v));      // [3, 2]
  s.seed = tensor({{1.0, 0.0}, {0.0, -1.0}, {0.5, 0.5}});
  return s;
}

}  // namespace explain
