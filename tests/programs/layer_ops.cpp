// # Layers of nn/ as steps of random programs
//
// A layer is made anew at each call, with operands of the step as its parameters, so that the
// oracles see the gradient of every parameter. Its sizes follow from the first operand. A layer's
// Dropout takes its stream from the step's `rng`, so that every run drops the same numbers.
#include "nn/gru.h"
#include "nn/rms_norm.h"
#include "tests/programs/arguments.h"

namespace glass::programs {

namespace {

using V = const Vars&;
using A = const Args&;

Vars from(V x, std::size_t i) { return {x.begin() + static_cast<std::ptrdiff_t>(i), x.end()}; }

template <class Make>
Shapes parameter_shapes(const Make& make, const Shape& first) {
  Rng rng(1);
  const auto layer = make(Var(zeros(first)), rng);
  Shapes shapes;
  for (const auto& [name, parameter] : nn::names_and_parameters(layer))
    shapes.push_back(parameter.shape());
  return shapes;
}

// The operands of a layer: the first one, `inputs` that the layer takes beside it, the parameters.
// `inputs` gives their shapes, from the first one's; by default there are none.
template <class Make>
Others parameters_of(Make make, Others inputs = {}, std::size_t count = 0) {
  return {[=](const Shape& first, const Pick& pick) {
            Shapes shapes = inputs.make ? inputs.make(first, pick) : Shapes{};
            for (const Shape& shape : parameter_shapes(make, first)) shapes.push_back(shape);
            return shapes;
          },
          [=](const Shapes& x) {
            const Shapes own = parameter_shapes(make, x[0]);
            return x.size() == 1 + count + own.size() &&
                   std::equal(own.begin(), own.end(), x.end() - std::ssize(own)) &&
                   (!inputs.fit || inputs.fit(x));
          },
          false};
}

// ---- how each layer is made from its first operand ----

auto make_linear(const Var& x, Rng& rng) { return nn::Linear(x.size(-1), 3, rng); }
auto make_plain_linear(const Var& x, Rng& rng) {
  return nn::Linear(x.size(-1), 2, rng, {.bias = false});
}
auto make_layer_norm(const Var& x, Rng&) { return nn::LayerNorm(x.size(-1), 0.1); }
auto make_rms_norm(const Var& x, Rng&) { return nn::RMSNorm(x.size(-1), 0.1); }
auto make_feed_forward(const Var& x, Rng& rng) { return nn::FeedForward(x.size(-1), 3, 0.25, rng); }
auto make_gru(const Var& x, Rng& rng) { return nn::GRU(x.size(-1), 2, rng); }
auto make_attention(const Var& x, Rng& rng) {
  return nn::CrossAttention(x.size(2), heads_of(x.size(2)), rng, {.dropout = 0.25});
}
auto make_encoder_layer(const Var& x, Rng& rng) {
  return nn::EncoderLayer({x.size(2), heads_of(x.size(2)), 3, 0.25}, rng);
}
auto make_model(const Var& table, Rng& rng) { return nn::EncoderDecoder(rng, tiny_model(table)); }

// The first operand is the model's first parameter.
const Others parameters_of_model{
    [](const Shape& first, const Pick&) {
      Shapes shapes = parameter_shapes(make_model, first);
      shapes.erase(shapes.begin());
      return shapes;
    },
    [](const Shapes& x) { return x == parameter_shapes(make_model, x[0]); }, false};

// ---- what some layers take beside ----

const Others first_state{[](const Shape& x, const Pick&) {
                           return Shapes{Shape{x[0], 2}};
                         },
                         [](const Shapes& x) {
                           return x[1] == Shape{x[0][0], 2};
                         }};

// Keys [B, S, C] and a mask of 2, 3 or 4 axes.
const Others keys_and_padding{
    [](const Shape& x, const Pick& pick) {
      const Index S = 1 + pick(3), kind = pick(3);
      const Shape mask =
          kind == 0 ? Shape{x[1], S} : (kind == 1 ? Shape{x[0], x[1], S} : Shape{x[0], 1, 1, S});
      return Shapes{x.with(1, S), mask};
    },
    [](const Shapes& x) {
      if (x[1].rank() != 3 || x[1].with(1, x[0][1]) != x[0]) return false;
      const Shape& mask = x[2];
      if (mask.rank() < 2 || mask.rank() > 4) return false;
      return stretches_to(mask.rank() == 3 ? mask.insert(1, 1) : mask,
                          Shape{x[0][0], heads_of(x[0][2]), x[0][1], x[1][1]});
    }};

// ---- where layers have a value ----

bool has_columns(const Shapes& x, A) { return x[0][-1] > 0; }

// For layers whose weights have C × C numbers. The generator refuses more than 40,000, but only
// once they are made: a model of 9,000 columns would take more memory than a machine has.
bool has_few_columns(const Shapes& x, A a) { return has_columns(x, a) && x[0][-1] <= 200; }

// For layers in which each position attends to all: of 9,000 positions, the equation, which holds
// all scores, would take more memory than a machine has, and the op itself would take minutes.
bool has_few_positions(const Shapes& x, A a) { return has_few_columns(x, a) && x[0][1] <= 500; }

// The loop that operator() runs, with a product for each step.
Var step_by_step(const nn::GRU& gru, const Var& x, Var h) {
  Vars states;
  for (Index t = 0; t < x.size(1); ++t) states.push_back(h = gru.step(x.select(1, t), h));
  return x.size(1) == 0 ? gru(x, h) : stack(states, 1);
}

// Calls the layer in the form that also gives the weights: the equation, op by op.
Var equation(const nn::CrossAttention& layer, const Var& x, const Var& keys,
             const std::optional<Tensor>& mask) {
  Tensor weights;
  return layer(x, keys, keys, mask, &weights);
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
Table layer_ops() {
  return {
      // each position by itself
      {.text = "with(nn::Linear($0.size(-1), 3, rng), {&1})($0)",
       .first = First::line,
       .others = parameters_of(make_linear),
       .run = [](V x, A, Rng& rng) { return with(make_linear(x[0], rng), from(x, 1))(x[0]); },
       .plain = [](V x, A, Rng&) { return matmul(x[0], mT(x[1])) + x[2]; },
       .defined = has_columns},
      {.text = "with(nn::Linear($0.size(-1), 2, rng, {.bias = false}), {&1})($0)",
       .first = First::line,
       .others = parameters_of(make_plain_linear),
       .run = [](V x, A, Rng& rng) { return with(make_plain_linear(x[0], rng), from(x, 1))(x[0]); },
       .plain =
           [](V x, A, Rng&) {
             return linear(x[0], x[1], Tensor(Shape{2}, {0, 0}));
           },
       .defined = has_columns},
      {.text = "with(nn::LayerNorm($0.size(-1), 0.1), {&1})($0)",
       .first = First::line,
       .others = parameters_of(make_layer_norm),
       .run = [](V x, A, Rng& rng) { return with(make_layer_norm(x[0], rng), from(x, 1))(x[0]); },
       .plain = [](V x, A, Rng&) { return layer_norm(x[0], x[1], x[2], 0.1); },
       .defined = has_columns},
      {.text = "with(nn::RMSNorm($0.size(-1), 0.1), {&1})($0)",
       .first = First::line,
       .others = parameters_of(make_rms_norm),
       .run = [](V x, A, Rng& rng) { return with(make_rms_norm(x[0], rng), from(x, 1))(x[0]); },
       .defined = has_columns},
      {.text = "with(nn::FeedForward($0.size(-1), 3, 0.25, rng), {&1})($0)",
       .first = First::line,
       .others = parameters_of(make_feed_forward),
       .run = [](V x, A, Rng& rng) { return with(make_feed_forward(x[0], rng), from(x, 1))(x[0]); },
       .defined = has_columns},
      // embeddings and dropout
      {.text = "with(nn::Embedding($0.size(0), $0.size(1), rng), {$0})(Tokens{#0, #1, {@2}})",
       .first = First::matrix,
       .legal = tokens,
       .run =
           [](V x, A a, Rng& rng) {
             return with(nn::Embedding(x[0].size(0), x[0].size(1), rng),
                         x)(Tokens{a[0], a[1], ints(a, 2)});
           },
       .plain =
           [](V x, A a, Rng&) {
             return take(x[0], Tokens{a[0], a[1], ints(a, 2)});
           }},
      {.text = "nn::Dropout(0.25, rng)($0)",
       .run = [](V x, A, Rng& rng) { return nn::Dropout(0.25, rng)(x[0]); },
       .plain = [](V x, A, Rng& rng) { return x[0] * nn::Dropout(0.25, rng)(ones(x[0].shape())); }},

      // sequences
      {.text = "with(nn::GRU($0.size(-1), 2, rng), {&1})($0)",
       .first = First::sequence,
       .others = parameters_of(make_gru),
       .run = [](V x, A, Rng& rng) { return with(make_gru(x[0], rng), from(x, 1))(x[0]); },
       .plain =
           [](V x, A, Rng& rng) {
             return step_by_step(with(make_gru(x[0], rng), from(x, 1)), x[0],
                                 zeros(Shape{x[0].size(0), 2}));
           },
       .defined = has_columns},
      {.text = "with(nn::GRU($0.size(-1), 2, rng), {&2})($0, $1)",
       .first = First::sequence,
       .others = parameters_of(make_gru, first_state, 1),
       .run = [](V x, A, Rng& rng) { return with(make_gru(x[0], rng), from(x, 2))(x[0], x[1]); },
       .plain =
           [](V x, A, Rng& rng) {
             return step_by_step(with(make_gru(x[0], rng), from(x, 2)), x[0], x[1]);
           },
       .defined = has_columns},
      // attention
      {.text = "with(nn::CrossAttention($0.size(2), heads_of($0.size(2)), rng, {.dropout = 0.25}), "
               "{&1})($0, $0, $0)",
       .first = First::sequence,
       .others = parameters_of(make_attention),
       .run =
           [](V x, A, Rng& rng) {
             return with(make_attention(x[0], rng), from(x, 1))(x[0], x[0], x[0]);
           },
       .plain =
           [](V x, A, Rng& rng) {
             return equation(with(make_attention(x[0], rng), from(x, 1)), x[0], x[0], {});
           },
       .defined = has_few_positions},
      {.text = "with(nn::CrossAttention($0.size(2), heads_of($0.size(2)), rng, {.dropout = 0.25}), "
               "{&3})($0, $1, $1, $2.value())",
       .first = First::sequence,
       .others = parameters_of(make_attention, keys_and_padding, 2),
       .run =
           [](V x, A, Rng& rng) {
             return with(make_attention(x[0], rng), from(x, 3))(x[0], x[1], x[1], x[2].value());
           },
       .defined = has_few_columns,
       .mask = 2},
      // whole models
      {.text =
           "with(nn::EncoderLayer({$0.size(2), heads_of($0.size(2)), 3, 0.25}, rng), {&1})($0, {})",
       .first = First::sequence,
       .others = parameters_of(make_encoder_layer),
       .run = [](V x, A,
                 Rng& rng) { return with(make_encoder_layer(x[0], rng), from(x, 1))(x[0], {}); },
       .defined = has_few_positions},
      {.text = "logits_of(with(nn::EncoderDecoder(rng, tiny_model($0)), {&0}), {@0})",
       .first = First::matrix,
       .others = parameters_of_model,
       .legal = two_token_lists,
       .run = [](V x, A a, Rng& rng) { return logits_of(with(make_model(x[0], rng), x), a); },
       .defined = [](const Shapes& x, A a) { return x[0][0] > 0 && has_few_columns(x, a); }},
  };
}

}  // namespace glass::programs
