// # GRU: a state that is updated step by step
//
// A recurrent layer reads a sequence one position after the other. Its state h is what it has kept
// of the positions so far. At each position x, two gates decide element by element: the reset gate
// r, how much of h the proposal n sees; and the update gate z, how much of h stays.
//
//     r = σ(W_ir x + b_ir + W_hr h + b_hr)
//     z = σ(W_iz x + b_iz + W_hz h + b_hz)
//     n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
//     h ← (1 − z) ⊙ n + z ⊙ h
//
// K. Cho et al., Learning Phrase Representations using RNN Encoder–Decoder (2014), section 2.3. As
// in PyTorch, r multiplies the product with h, its bias included; in the paper it multiplies h.
//
// B batch, T length, I width of the inputs, H width of the state
#pragma once

#include <optional>
#include <vector>

#include "nn/init.h"

namespace glass::nn {

// The weights of r, z and n stand below each other in one matrix, in this order. The parameters
// have the names of nn.GRU, so that its files can be loaded: one layer, in one direction.
struct GRU {
  GRU(Index in, Index hidden, Rng& rng)
      : weight_ih_l0(uniform_by_inputs(Shape{3 * hidden, in}, hidden, rng)),
        weight_hh_l0(uniform_by_inputs(Shape{3 * hidden, hidden}, hidden, rng)),
        bias_ih_l0(uniform_by_inputs(Shape{3 * hidden}, hidden, rng)),
        bias_hh_l0(uniform_by_inputs(Shape{3 * hidden}, hidden, rng)) {}

  // x [B, T, I] → the states after each position [B, T, H]. The state before the first position is
  // `initial` [B, H], or zeros. The last state is y.select(1, -1). ShapeError if a shape does not
  // fit.
  Var operator()(const Var& x, const std::optional<Var>& initial = {}) const {
    const Index B = x.rank() == 3 ? x.size(0) : 0, H = weight_hh_l0.size(1);
    check<ShapeError>(x.rank() == 3 && x.size(2) == weight_ih_l0.size(1),
                      "GRU: needs x [B, T, {}]; got {}", weight_ih_l0.size(1), x.shape());
    expect_state(initial ? initial->shape() : Shape{B, H}, B);

    // What the inputs add to the gates does not depend on the state: one product for all steps.
    const Var from_input = linear(x, weight_ih_l0, bias_ih_l0);  // [B, T, 3H]
    if (x.size(1) == 0) return from_input.slice(2, 0, H);        // [B, 0, H]
    std::vector<Var> inputs, states;
    split(from_input, inputs);
    Var h = initial ? *initial : Var(zeros(Shape{B, H}));  // [B, H]
    for (const Var& input : inputs) {
      h = next(input, h);  // [B, H]
      states.push_back(h);
    }
    return stack(states, 1);  // [B, T, H]
  }

  // One step: x [B, I] and the state h [B, H] → the next state [B, H].
  Var step(const Var& x, const Var& h) const {
    check<ShapeError>(x.rank() == 2 && x.size(1) == weight_ih_l0.size(1),
                      "GRU: a step needs x [B, {}]; got {}", weight_ih_l0.size(1), x.shape());
    expect_state(h.shape(), x.size(0));
    return next(linear(x, weight_ih_l0, bias_ih_l0), h);  // [B, H]
  }

  void each(auto&& f) {
    f("weight_ih_l0", weight_ih_l0), f("weight_hh_l0", weight_hh_l0);
    f("bias_ih_l0", bias_ih_l0), f("bias_hh_l0", bias_hh_l0);
  }

  Parameter weight_ih_l0;            // [3H, I]
  Parameter weight_hh_l0;            // [3H, H]
  Parameter bias_ih_l0, bias_hh_l0;  // [3H]

 private:
  void expect_state(const Shape& state, Index B) const {
    const Shape expected{B, weight_hh_l0.size(1)};
    check<ShapeError>(state == expected, "GRU: the state must be {}; got {}", expected, state);
  }

  // The formula, with W_i x + b_i [B, 3H] computed already.
  Var next(const Var& input, const Var& h) const {
    const Index H = h.size(1);
    const Var hidden = linear(h, weight_hh_l0, bias_hh_l0);                           // [B, 3H]
    const Var gates = sigmoid(input.slice(1, 0, 2 * H) + hidden.slice(1, 0, 2 * H));  // [B, 2H]
    const Var r = gates.slice(1, 0, H), z = gates.slice(1, H, 2 * H);                 // [B, H]
    const Var n = tanh(input.slice(1, 2 * H, 3 * H) + r * hidden.slice(1, 2 * H, 3 * H));  // [B, H]
    return (1 - z) * n + z * h;                                                            // [B, H]
  }

  // The steps of x [B, T, …], each [B, …], by halving x until one step is left. The gradient of a
  // slice is as large as what it was taken from, and mostly 0. Slices of halves of halves add up to
  // T · log T steps; T slices of the whole would add up to T².
  static void split(const Var& x, std::vector<Var>& steps) {
    const Index T = x.size(1);
    if (T == 1) return steps.push_back(x.squeeze(1));
    split(x.slice(1, 0, T / 2), steps);
    split(x.slice(1, T / 2, T), steps);
  }
};

}  // namespace glass::nn
