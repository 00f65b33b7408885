// # Every operation with its VJP
//
// One paragraph an op: the formula, the value, and for each parent the vector-Jacobian product that
// takes g, the gradient of the result, to the parent's. ⊙ is the element-wise product. Where
// operands broadcast, a VJP may return the larger shape: the sweep sums it to the parent's shape.
//
// A VJP captures what it needs by value: these captures are all that the graph saves.
#include "autograd/ops.h"

#include <algorithm>

namespace glass {

// ---- a + b, a − b ----
// da = g          db = ±g

Var operator+(const Var& a, const Var& b) {
  return record("add", a.value() + b.value(),  //
                on(a, [](const Tensor& g) { return g; }), on(b, [](const Tensor& g) { return g; }));
}

Var operator-(const Var& a, const Var& b) {
  return record("sub", a.value() - b.value(),  //
                on(a, [](const Tensor& g) { return g; }),
                on(b, [](const Tensor& g) { return -g; }));
}

Var operator-(const Var& x) {
  return record("neg", -x.value(), on(x, [](const Tensor& g) { return -g; }));
}

// ---- a ⊙ b ----
// da = g ⊙ b      db = g ⊙ a

Var operator*(const Var& a, const Var& b) {
  return record("mul", a.value() * b.value(),
                on(a, [b = b.value()](const Tensor& g) { return g * b; }),
                on(b, [a = a.value()](const Tensor& g) { return g * a; }));
}

// ---- y = a / b ----
// da = g / b      db = −g ⊙ y / b

Var operator/(const Var& a, const Var& b) {
  const Tensor y = a.value() / b.value();
  return record("div", y,  //
                on(a, [b = b.value()](const Tensor& g) { return g / b; }),
                on(b, [b = b.value(), y](const Tensor& g) { return -(g * y / b); }));
}

// ---- functions of one number ----
// Where the derivative is short in terms of the result y, y is saved instead of x.

// y = eˣ           dx = g ⊙ y
Var exp(const Var& x) {
  const Tensor y = exp(x.value());
  return record("exp", y, on(x, [y](const Tensor& g) { return g * y; }));
}

// y = ln x         dx = g / x
Var log(const Var& x) {
  return record("log", log(x.value()), on(x, [x = x.value()](const Tensor& g) { return g / x; }));
}

// y = ln(1 + x)    dx = g / (1 + x)
Var log1p(const Var& x) {
  return record("log1p", log1p(x.value()),
                on(x, [x = x.value()](const Tensor& g) { return g / (1 + x); }));
}

// y = √x           dx = g / 2y
Var sqrt(const Var& x) {
  const Tensor y = sqrt(x.value());
  return record("sqrt", y, on(x, [y](const Tensor& g) { return g / (2 * y); }));
}

// y = sin x        dx = g ⊙ cos x
Var sin(const Var& x) {
  return record("sin", sin(x.value()),
                on(x, [x = x.value()](const Tensor& g) { return g * cos(x); }));
}

// y = cos x        dx = −g ⊙ sin x
Var cos(const Var& x) {
  return record("cos", cos(x.value()),
                on(x, [x = x.value()](const Tensor& g) { return -(g * sin(x)); }));
}

// y = tanh x       dx = g ⊙ (1 − y²)
Var tanh(const Var& x) {
  const Tensor y = tanh(x.value());
  return record("tanh", y, on(x, [y](const Tensor& g) { return tanh_backward(y, g); }));
}

// y = 1/(1 + e⁻ˣ)  dx = g ⊙ y ⊙ (1 − y)
Var sigmoid(const Var& x) {
  const Tensor y = sigmoid(x.value());
  return record("sigmoid", y, on(x, [y](const Tensor& g) { return sigmoid_backward(y, g); }));
}

// y = max(x, 0)    dx = g where x > 0, else 0; at the kink 0
Var relu(const Var& x) {
  return record("relu", relu(x.value()),
                on(x, [x = x.value()](const Tensor& g) { return relu_backward(x, g); }));
}

// y = ln(1 + eˣ)   dx = g ⊙ σ(x), σ the sigmoid
Var softplus(const Var& x) {
  return record("softplus", softplus(x.value()),
                on(x, [x = x.value()](const Tensor& g) { return g * sigmoid(x); }));
}

// y = x Φ(x)       dx = g ⊙ (Φ(x) + x φ(x)), φ the normal density
// The slope is saved: it is computed together with y, from the same exponential. The VJP would need
// a second exponential.
Var gelu(const Var& x) {
  Tensor slope;
  const bool wanted = x.requires_grad() && !NoGrad::active();
  Tensor y = wanted ? gelu(x.value(), slope) : gelu(x.value());
  return record("gelu", std::move(y), on(x, [slope](const Tensor& g) { return g * slope; }));
}

// y = |x|          dx = g ⊙ sign x; at the kink 0
Var abs(const Var& x) {
  return record("abs", abs(x.value()), on(x, [x = x.value()](const Tensor& g) {
                  return where(greater(x, 0), g, where(less(x, 0), -g, 0));
                }));
}

// y = xⁿ           dx = g ⊙ n xⁿ⁻¹; 0 for n = 0, also at x = 0
Var pow(const Var& x, Real n) {
  return record("pow", pow(x.value(), n), on(x, [x = x.value(), n](const Tensor& g) {
                  return n == Real(0) ? g * 0 : g * (n * pow(x, n - Real(1)));
                }));
}

// y = x within [lo, hi], else the bound that x is beyond
//                  dx = g where lo ≤ x ≤ hi, else 0; 0 if lo = hi, since y is constant then
Var clamp(const Var& x, double lo, double hi) {
  return record("clamp", clamp(x.value(), lo, hi), on(x, [x = x.value(), lo, hi](const Tensor& g) {
                  if (lo == hi) return zeros(g.shape());
                  return where(x >= lo, where(x <= hi, g, 0), 0);
                }));
}

// ---- choices ----
// The gradient goes to the operand that was chosen. At a tie each gets half.

namespace {

Var choice(OpName op, Tensor y, const Var& a, const Var& b,
           Tensor (*loses)(const Tensor& mine, const Tensor& other)) {
  const auto share = [loses](Tensor mine, Tensor other) {
    return [=](const Tensor& g) {
      return where(loses(mine, other), 0, where(equal(mine, other), g / 2, g));
    };
  };
  return record(op, std::move(y), on(a, share(a.value(), b.value())),
                on(b, share(b.value(), a.value())));
}

}  // namespace

Var maximum(const Var& a, const Var& b) {
  return choice("maximum", maximum(a.value(), b.value()), a, b, less);
}
Var minimum(const Var& a, const Var& b) {
  return choice("minimum", minimum(a.value(), b.value()), a, b, greater);
}

// y = a where the mask is not 0, else b
Var where(const Tensor& mask, const Var& a, const Var& b) {
  return record("where", where(mask, a.value(), b.value()),
                on(a, [mask](const Tensor& g) { return where(mask, g, 0); }),
                on(b, [mask](const Tensor& g) { return where(mask, 0, g); }), guard(Var(mask)));
}

// ---- reductions ----

namespace {

// g of a reduction, with the axes that were summed put back, each with size 1.
Tensor restore_axes(const Tensor& g, const Shape& from, const Axes& axes) {
  const auto gone = axes.flags("sum", from);
  Shape kept = from;
  for (Index axis = 0; axis < from.rank(); ++axis)
    if (gone[static_cast<std::size_t>(axis)]) kept = kept.with(axis, 1);
  return g.reshape(kept);
}

}  // namespace

// y = Σ x          dx = g, repeated along the axes that were summed: a view, no copy
Var sum(const Var& x, const Axes& axes, bool keep) {
  return record("sum", sum(x.value(), axes, keep),
                on(x, [shape = x.shape(), axes](const Tensor& g) {
                  return restore_axes(g, shape, axes).expand(shape);
                }));
}

// y = Σ x / n      dx = g / n, repeated
Var mean(const Var& x, const Axes& axes, bool keep) {
  return record(
      "mean", mean(x.value(), axes, keep), on(x, [shape = x.shape(), axes](const Tensor& g) {
        const double n = static_cast<double>(shape.numel()) / static_cast<double>(g.numel());
        return (restore_axes(g, shape, axes) / n).expand(shape);
      }));
}

namespace {

// dx of the variance, for a g in which the axes have size 1.
Tensor var_gradient(const Tensor& x, const Tensor& g, const Axes& axes, VarianceOptions options) {
  const double n = static_cast<double>(x.numel()) / static_cast<double>(g.numel());
  return centered(x, axes) * (g * (2 / Constant(variance_divisor(n, options))));
}

}  // namespace

// y = Σ (x − mean)² / c       dx = 2 g ⊙ (x − mean) / c, with c = n or n − 1
Var var(const Var& x, const Axes& axes, bool keep, VarianceOptions options) {
  return record("var", var(x.value(), axes, keep, options),
                on(x, [x = x.value(), axes, options](const Tensor& g) {
                  return var_gradient(x, restore_axes(g, x.shape(), axes), axes, options);
                }));
}

// y = √var x                  dx = that of var for g / 2y; 0 where all numbers are equal
Var std(const Var& x, const Axes& axes, bool keep, VarianceOptions options) {
  const Tensor y = std(x.value(), axes, keep, options);
  return record("std", y, on(x, [x = x.value(), y, axes, options](const Tensor& g) {
                  const Tensor of_var = where(equal(y, 0), 0, g / (2 * y));
                  return var_gradient(x, restore_axes(of_var, x.shape(), axes), axes, options);
                }));
}

// y = ln Σ exp x              dx = g ⊙ exp x / Σ exp x
Var logsumexp(const Var& x, const Axes& axes, bool keep) {
  return record("logsumexp", logsumexp(x.value(), axes, keep),
                on(x, [x = x.value(), axes](const Tensor& g) {
                  return logsumexp_backward(x, restore_axes(g, x.shape(), axes), axes);
                }));
}

// y = x₀ + … + xᵢ             dx = gᵢ + gᵢ₊₁ + …
Var cumsum(const Var& x, Axis axis) {
  return record("cumsum", cumsum(x.value(), axis),
                on(x, [axis](const Tensor& g) { return cumsum_backward(g, axis); }));
}

// ---- the largest and the smallest ----
// The gradient goes to the number that was found. At a tie max and min send it to the first number,
// amax and amin divide it among all of them.

namespace {

// g at the first largest number of x along the axis, 0 elsewhere. In g the axis has size 1.
Tensor at_first_largest(const Tensor& x, Axis axis, const Tensor& g) {
  std::vector<Real> places;
  for (const int place : argmax(x, axis)) places.emplace_back(place);
  const Tensor first = Tensor(g.shape(), places).transpose(axis, -1);  // [..., 1]
  const Tensor here = equal(first, arange(x.size(axis))).transpose(axis, -1);
  return where(here, g, 0);
}

// A number of x that equals the extreme y gets g divided by their count. A NaN equals nothing, so
// that with a NaN all get 0/0, a NaN.
Var shared_extreme(OpName op, const Var& x, Tensor y, const Axes& axes) {
  return record(op, y, on(x, [x = x.value(), y, axes](const Tensor& g) {
                  const Tensor ties = at_extreme(x, restore_axes(y, x.shape(), axes), axes);
                  return ties * (restore_axes(g, x.shape(), axes) / sum(ties, axes, true));
                }));
}

Var flat(const Var& x) { return x.reshape(Shape{x.numel()}); }

}  // namespace

Var max(const Var& x, Axis axis, bool keep) {
  return record("max", max(x.value(), axis, keep), on(x, [x = x.value(), axis](const Tensor& g) {
                  return at_first_largest(x, axis, g.reshape(x.shape().with(axis, 1)));
                }));
}
Var min(const Var& x, Axis axis, bool keep) {
  return record("min", min(x.value(), axis, keep), on(x, [x = x.value(), axis](const Tensor& g) {
                  return at_first_largest(-x, axis, g.reshape(x.shape().with(axis, 1)));
                }));
}
Var max(const Var& x) { return max(flat(x), 0); }
Var min(const Var& x) { return min(flat(x), 0); }

Var amax(const Var& x, const Axes& axes, bool keep) {
  return shared_extreme("amax", x, amax(x.value(), axes, keep), axes);
}
Var amin(const Var& x, const Axes& axes, bool keep) {
  return shared_extreme("amin", x, amin(x.value(), axes, keep), axes);
}

// ---- softmax ----
// yᵢ = exp xᵢ / Σⱼ exp xⱼ          dx = y ⊙ (g − Σⱼ gⱼ yⱼ)

Var softmax(const Var& x, Axis axis) {
  const Tensor y = softmax(x.value(), axis);
  return record("softmax", y,
                on(x, [y, axis](const Tensor& g) { return softmax_backward(y, g, axis); }));
}

// ---- log_softmax ----
// yᵢ = xᵢ − ln Σⱼ exp xⱼ           dx = g − exp y · Σⱼ gⱼ

Var log_softmax(const Var& x, Axis axis) {
  const Tensor y = log_softmax(x.value(), axis);
  return record("log_softmax", y,
                on(x, [y, axis](const Tensor& g) { return log_softmax_backward(y, g, axis); }));
}

// ---- layer_norm ----
// x̂ = (x − μ)/σ over the last axis,  y = x̂ ⊙ w + b
// dx = (d − mean d − x̂ mean(d ⊙ x̂))/σ with d = g ⊙ w,   dw = Σ g ⊙ x̂,   db = Σ g
// Saved: x, and each row's μ and 1/σ, from which all three are made in one pass.

Var layer_norm(const Var& x, const Var& w, const Var& b, double eps) {
  const Normalized row = normalize(x.value(), w.value(), b.value(), eps);
  const auto vjp = [row, x = x.value(), w = w.value()](const Tensor& g) {
    return layer_norm_backward(x, w, row, g);
  };
  return record("layer_norm", row.result, together(vjp, x, w, b));
}

// ---- products of matrices ----

namespace {

// All rows of a batch as one matrix.
Tensor tall(const Tensor& x) { return x.reshape(Shape{x.shape().erase(-1).numel(), x.size(-1)}); }

// A vector as a matrix: of one row, or of one column.
Tensor row_matrix(const Tensor& a) { return a.rank() == 1 ? a.unsqueeze(0) : a; }
Tensor column_matrix(const Tensor& b) { return b.rank() == 1 ? b.unsqueeze(1) : b; }

// dB = Aᵀ g. A B of 1 or 2 axes serves the whole batch: its gradient is one product over all rows.
Tensor gradient_of_b(const Tensor& a, const Tensor& g, Index rank) {
  if (rank > 2) return matmul(a.mT(), g);
  const Tensor db = matmul(tall(a).mT(), tall(g));  // [K, N]
  return rank == 1 ? db.squeeze(-1) : db;
}

}  // namespace

// ---- matmul ----
// Y = A B          dA = g Bᵀ       dB = Aᵀ g
// [..., M, K] @ [..., K, N] → [..., M, N]; a vector A is one row, a vector B is one column

Var matmul(const Var& a, const Var& b) {
  // g with the axes that Y lost because A or B is a vector: [..., M, N]
  const auto matrix = [row = a.rank() == 1, column = b.rank() == 1](Tensor g) {
    if (column) g = g.unsqueeze(-1);
    return row ? g.unsqueeze(-2) : g;
  };
  return record("matmul", matmul(a.value(), b.value()),
                on(a, [matrix, b = column_matrix(b.value())](
                          const Tensor& g) { return matmul(matrix(g), b.mT()); }),
                on(b, [matrix, a = row_matrix(a.value()), rank = b.rank()](const Tensor& g) {
                  return gradient_of_b(a, matrix(g), rank);
                }));
}

// ---- linear ----
// Y = X Wᵀ + b     dX = g W        dW = gᵀ X over all rows       db = g, which the sweep sums

Var linear(const Var& x, const Var& w, const Var& b) {
  return record("linear", linear(x.value(), w.value(), b.value()),
                on(x, [w = w.value()](const Tensor& g) { return matmul(g, w); }),
                on(w, [x = x.value()](const Tensor& g) { return matmul(tall(g).mT(), tall(x)); }),
                on(b, [](const Tensor& g) { return g; }));
}

// ---- attention ----
// Z = s Q Kᵀ,  P = softmax Z,  O = (P ⊙ F) V with dropout's factors F
// dV = (P ⊙ F)ᵀ g,  dP = F ⊙ (g Vᵀ),  dZ = P ⊙ (dP − Σ dP ⊙ P),  dQ = s dZ K,  dK = s dZᵀ Q
// q [B, H, T, D], k [B, H, S, D], v [B, H, S, E] → [B, H, T, E]
// Saved: Q, K, V, the mask, O, a number per query, and dropout's draw. Never P, which has T × S
// numbers per head: it is computed again.

Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask,
              AttentionOptions options) {
  const AttentionInputs in = attention_inputs(q.value(), k.value(), v.value(), mask, options);
  const AttentionResult result = attention_forward(in);
  const auto vjp = [in, result](const Tensor& g) { return attention_backward(in, result, g); };
  if (!mask) return record("attention", result.context, together(vjp, q, k, v));
  return record("attention", result.context, together(vjp, q, k, v), guard(Var(*mask)));
}

// ---- cross_entropy ----
// p = softmax z,  L = −(1/n) Σᵢ Σᵥ tᵢᵥ ln pᵢᵥ,  t the smoothed targets      dz = g (p − t) / n
// Without the mean, Lᵢ = −Σᵥ tᵢᵥ ln pᵢᵥ, and dzᵢ = gᵢ (pᵢ − tᵢ).
// Saved: (p − t) / n, or p − t, which the row kernel computes together with L.

Var cross_entropy(const Var& logits, std::span<const int> targets, CrossEntropyOptions options) {
  const CrossEntropy result = cross_entropy_rows(logits.value(), targets, options);
  return record("cross_entropy", result.loss,
                on(logits, [slope = result.slope, each = !options.reduce](const Tensor& g) {
                  return (each ? g.unsqueeze(-1) : g) * slope;
                }));
}

// ---- binary_cross_entropy_with_logits ----
// p = σ(z),  L = −(1/n) Σᵢ (tᵢ ln pᵢ + (1 − tᵢ) ln(1 − pᵢ))                 dz = g (p − t) / n
// Without the mean, Lᵢ is the i-th term, without 1/n.
// Saved: z and t.

Var binary_cross_entropy_with_logits(const Var& logits, const Tensor& targets,
                                     BinaryCrossEntropyOptions options) {
  const Tensor losses = binary_cross_entropy(logits.value(), targets);
  const Index n = options.reduce ? std::max<Index>(losses.numel(), 1) : 1;
  const Tensor value = options.reduce ? sum(losses) / n : losses;
  const auto vjp = [z = logits.value(), t = targets, n](const Tensor& g) {
    return g / n * binary_cross_entropy_slope(z, t);
  };
  return record("binary_cross_entropy_with_logits", value, on(logits, vjp), guard(Var(targets)));
}

// ---- dropout ----
// y = x ⊙ m, m = 0 with probability p, else 1/(1 − p)       dx = g ⊙ m

Var dropout(const Var& x, double p, Rng& rng) {
  if (p == 0) return x;
  const Draw draw = rng.draw();
  return record("dropout", dropout(x.value(), p, draw),
                on(x, [p, draw](const Tensor& g) { return dropout(g, p, draw); }));
}

// y = max(x, 0) ⊙ m                                         dx = g / (1 − p) where y > 0
// Where y > 0, neither relu nor dropout has set the element to 0. So y alone tells where g passes,
// and the draw need not be made again.

Var relu_dropout(const Var& x, double p, Rng& rng) {
  if (p == 0) return relu(x);
  const Tensor y = dropout(x.value(), p, rng.draw(), true);
  return record("relu_dropout", y,
                on(x, [y, p](const Tensor& g) { return relu_backward(y, g, p); }));
}

}  // namespace glass
