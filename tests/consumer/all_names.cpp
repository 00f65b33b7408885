// Every name and spelling of the public interface, as a program outside the repository uses them.
// These functions are not called. The test is that they compile and link in all three builds.
#include <glassgrad.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// At namespace scope, as a user's own module.
struct Block {
  glass::nn::Linear up, down;
  void each(auto&& f) {
    f("up", up);
    f("down", down);
  }
};

struct Stack {
  std::vector<Block> layers;
  std::optional<glass::nn::LayerNorm> norm;
  glass::nn::Parameter gain;
  void each(auto&& f) { f("layers", layers), f("norm", norm), f("gain", gain); }
};

namespace all_names {

using namespace glass;

template <class T, class U>
constexpr void same(const U&) {
  static_assert(std::is_same_v<T, U>);
}

// ---- tensor ----

static_assert(std::is_same_v<Index, std::int64_t>);
static_assert(Number<int> && Number<double> && Number<float> && Number<Real> && Number<Index> &&
              !Number<bool>);
static_assert(!Number<std::string> && !Number<Tensor>);
static_assert(std::is_base_of_v<std::invalid_argument, ShapeError>);
static_assert(std::is_base_of_v<std::logic_error, StateError>);
static_assert(std::is_base_of_v<std::runtime_error, FileError>);

void shapes() {
  const int n = 3;
  const std::size_t m = 4;
  Shape shape{2, n};
  shape = Shape{m, Index{2}, 1u};
  shape = 5;
  shape = {};
  const std::vector<Index> sizes{2, 3};
  static_assert(!std::is_convertible_v<std::span<const Index>, Shape>);
  const Shape from_span(std::span<const Index>(sizes.data(), sizes.size()));
  same<Index>(shape.rank());
  same<Index>(shape.numel());
  same<Index>(from_span[-1]);
  for (const Index size : from_span) (void)size;
  (void)(from_span.end() - from_span.begin());
  (void)(shape == from_span);
  (void)(shape != from_span);
  same<std::string>(fmt::format("{}", shape));
}

void tensors() {
  const int n = 3;
  const Tensor nothing, one = 1, half = 0.5, real = Real(2), single = 2.0f, index = Index{3};
  Tensor x(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  x = Tensor({2, 3}, std::vector<Real>(6));
  const std::vector<int> whole(6);
  const std::array<double, 6> fractions{};
  const std::uint8_t bytes[6] = {};
  x = Tensor({2, 3}, whole), x = Tensor({2, 3}, fractions), x = Tensor({2, 3}, bytes);
  x = Tensor({2, 3}, std::span<const std::uint8_t>(bytes)), x = Tensor({2, 3}, whole.data());
  x = Tensor({0}, nullptr);
  const Tensor& constant = x;
  same<Shape>(constant.shape());
  same<Index>(x.rank()), same<Index>(x.size(-1)), same<Index>(x.numel()), same<Index>(x.stride(0));
  same<bool>(x.is_contiguous());
  same<Real*>(x.data());
  same<const Real*>(constant.data());
  same<Real>(one.item());
  x(0, 1) = 5;
  x(std::size_t{1}, n - 1) = Real(2);
  same<Real>(constant(1u, Index{2}));
  static_assert(std::is_same_v<decltype(x(0, 0)), Real&> &&
                std::is_same_v<decltype(constant(0, 0)), Real>);
  same<std::vector<Real>>(x.to_vector());

  same<Tensor>(x.transpose(0, 1)), same<Tensor>(x.mT()), same<Tensor>(x.permute({1, 0}));
  same<Tensor>(x.slice(0, 0, 2)), same<Tensor>(x.slice(0, 0, 2, 2)), same<Tensor>(x.select(0, 1)),
      same<Tensor>(x.slice(0, 1));
  same<Tensor>(x.expand({4, 2, 3})), same<Tensor>(x.squeeze(0)), same<Tensor>(x.unsqueeze(0));
  same<Tensor>(x.reshape({3, -1})), same<Tensor>(x.contiguous()), same<Tensor>(x.clone());
  x.fill(1);
  x.copy_from(x.clone());
  x.add_(x.clone()), x.add_(1);

  same<Tensor>(zeros({2, n})), same<Tensor>(ones(n)), same<Tensor>(full({2}, 3)),
      same<Tensor>(arange(n)), same<Tensor>(eye(n));
  same<Tensor>(tensor({1, 2.5, n}));
  same<Tensor>(tensor({{1}, {n}}));
  same<Tensor>(tensor({{1, 2}, {3, 4}}));
  same<Tensor>(tensor({{{1, 2}}, {{Real(3), 4.0f}}}));

  Tokens tokens{2, 2, {0, 1, 2, 3}};
  tokens = {.batch = 1, .length = 2, .ids = {0, 1}};
  same<std::vector<int>>(tokens.ids);

  Rng rng(1), copy = rng;
  const Rng seeded(std::uint64_t{42});
  static_assert(!std::is_convertible_v<std::uint64_t, Rng>);
  same<Index>(rng.below(n));
  same<Tensor>(uniform({2, 3}, 0, 1, rng)), same<Tensor>(normal({2, 3}, 0, 1, copy));
  same<bool>(allclose(x, x)), same<bool>(allclose(x, x, 1e-3)), same<bool>(allclose(x, x, 1e-3, 0));
  set_num_threads(2);
  same<int>(num_threads());

  same<std::string>(fmt::format("{} {:.3f} {:8.2e}", x, x, x));
  same<std::string>(fmt::format("{}", Real(1)));
  std::ostringstream out;
  out << x << x.shape() << Real(1) << Var(x) << nn::Parameter(x);
  (void)double(Real(1));
}

// ---- the same names on Tensor and on Var ----

template <class T>
void operations(const T& x) {
  const Tensor mask = zeros({2, 3});
  const int n = 2;
  Rng rng(1);
  same<T>(x + x), same<T>(x - x), same<T>(x * x), same<T>(x / x), same<T>(-x);
  same<T>(x + 1), same<T>(2 - x), same<T>(x * 0.5), same<T>(1.0f / x), same<T>(Real(2) * x),
      same<T>(x - Real(2)), same<T>(n * x);
  same<T>(exp(x)), same<T>(log(x)), same<T>(sqrt(x)), same<T>(tanh(x)), same<T>(sigmoid(x)),
      same<T>(relu(x)), same<T>(gelu(x)), same<T>(abs(x));
  same<T>(sin(x)), same<T>(cos(x)), same<T>(log1p(x)), same<T>(softplus(x)),
      same<T>(clamp(x, -1, 1.5));
  same<T>(pow(x, 2)), same<T>(pow(x, 0.5)), same<T>(pow(x, Real(3)));
  same<T>(maximum(x, x)), same<T>(minimum(x, x)), same<T>(maximum(x, 0)), same<T>(minimum(1.5, x));
  same<Tensor>(x < x), same<Tensor>(x <= 1), same<Tensor>(0.5 > x), same<Tensor>(x >= mask);
  same<Tensor>(equal(x, x)), same<Tensor>(less(x, 0)), same<Tensor>(less_equal(0.5, x)),
      same<Tensor>(greater(x, mask)), same<Tensor>(greater_equal(mask, x));
  same<T>(where(x > 0, x, -x));
  same<T>(where(mask, x, x)), same<T>(where(mask, x, 0)), same<T>(where(mask, 1.0, x)),
      same<Tensor>(where(mask, 1, 0));
  same<T>(sum(x)), same<T>(mean(x)), same<T>(sum(x, 0)), same<T>(mean(x, -1, true)),
      same<T>(sum(x, {0, 1})), same<T>(mean(x, {0, -1}, true));
  same<T>(sum(x, std::vector<Index>{0})), same<T>(mean(x, std::vector<Index>{0}, true)),
      same<T>(sum(x, 0, true)), same<T>(mean(x, n - 1));
  same<T>(max(x, 0)), same<T>(max(x, -1, true)), same<T>(max(x)), same<T>(min(x)),
      same<T>(min(x, 1)), same<T>(min(x, -1, true));
  same<T>(amax(x)), same<T>(amax(x, {0, 1}, true)), same<T>(amin(x, 0)), same<T>(logsumexp(x)),
      same<T>(logsumexp(x, -1, true)), same<T>(cumsum(x, 0));
  same<T>(var(x)), same<T>(var(x, 0, true, {.biased = true})), same<T>(glass::std(x)),
      same<T>(glass::std(x, {0, -1}, false, {.biased = true}));
  same<T>(softmax(x)), same<T>(softmax(x, 0)), same<T>(log_softmax(x)), same<T>(log_softmax(x, 0));
  same<T>(matmul(x, x.mT()));
  same<T>(layer_norm(x, select(x, 0, 0), select(x, 0, 1))),
      same<T>(layer_norm(x, select(x, 0, 0), select(x, 0, 1), 1e-6));
  same<T>(transpose(x, 0, 1)), same<T>(mT(x)), same<T>(permute(x, {1, 0})),
      same<T>(reshape(x, {-1})), same<T>(slice(x, 0, 0, 1)), same<T>(slice(x, 0, 0, 2, 2)),
      same<T>(slice(x, 0, 1)), same<T>(x.slice(-1, 1));
  same<T>(select(x, 0, 0)), same<T>(expand(x, {4, 2, 3})), same<T>(squeeze(x, 0)),
      same<T>(unsqueeze(x, 0));
  same<T>(x.transpose(0, 1)), same<T>(x.mT()), same<T>(x.permute({1, 0})), same<T>(x.reshape({-1})),
      same<T>(x.slice(0, 0, 1)), same<T>(x.slice(0, 0, 2, 2));
  same<T>(x.select(0, 0)), same<T>(x.expand({4, 2, 3})), same<T>(x.squeeze(0)),
      same<T>(x.unsqueeze(0));
  const std::vector<T> list{x, x};
  same<T>(cat({x, x}, 0)), same<T>(stack({x, x}, 0)), same<T>(cat(list, 0)),
      same<T>(stack(list, -1));
  same<T>(cat(std::span(list), 0)), same<T>(stack(std::span<const T>(list), 0));
  same<T>(take(x, Tokens{1, 2, {0, 1}}));
  const std::vector<int> rows{1, 0, 1};
  same<T>(take(x, 0, {1, 0, 1})), same<T>(take(x, -1, rows)),
      same<T>(take(x, 0, std::span(rows).first(2)));
  same<std::vector<int>>(take(rows, rows));
  same<T>(dropout(x, 0.1, rng));
  const T q = x.reshape({1, 1, 2, 3});
  same<T>(attention(q, q, q)), same<T>(attention(q, q, q, ones({2, 2})));
  same<T>(attention(q, q, q, {}, {.causal = true, .dropout = 0.1, .rng = &rng}));
  same<T>(attention(q, q, q, {}, AttentionOptions{.causal = true}));
}

void mixtures() {
  const Tensor t = ones({2, 3});
  const Var v(t, true);
  same<Var>(t + v), same<Var>(v * t), same<Var>(maximum(t, v)), same<Var>(where(t, t, v)),
      same<Var>(matmul(t, v.mT()));
  same<Var>(cat({t, v}, 0)), same<Var>(cat({v, t}, 0)), same<Var>(stack({t, v, t}, 0));
  same<std::vector<int>>(argmax(t, -1));
  same<Tensor>(equal(t, t)), same<Tensor>(less(t, 0)), same<Tensor>(greater(t, 0.5));
  same<Tensor>(tril(t, 0)), same<Tensor>(tril(t, -1)), same<Tensor>(from_torch_mask(t));
  same<Tensor>(from_additive_mask(t));
  same<Tensor>(map(t, [](Real number) { return 2 * number; }));
  same<Var>(map(
      v, [](Real number) { return 2 * number; }, [](Real) { return 2; }));
  same<Tensor>(t < v), same<Tensor>(v >= t), same<Tensor>(equal(t, v));
  Var x = v;
  x += t;
  x += 1;
  x += v;
}

void operations_on_both() {
  operations(ones({2, 3}));
  operations(Var(ones({2, 3}), true));
}

// ---- autograd ----

void variables() {
  const Var nothing, number = 2, half = 0.5, real = Real(1), constant = ones({2}),
                     leaf(ones({2}), true), still(ones({2}), false);
  static_assert(!std::is_convertible_v<bool, Var>);
  static_assert(std::is_same_v<decltype(leaf.value()), const Tensor&> &&
                std::is_same_v<decltype(leaf.grad()), const Tensor&>);
  Tensor w = leaf.value();
  w.copy_from(ones({2}));
  same<bool>(leaf.requires_grad()), same<bool>(leaf.has_grad());
  leaf.zero_grad();
  sum(leaf).backward();
  sum(leaf).backward({.retain_graph = true});
  sum(leaf).backward(BackwardOptions{.retain_graph = false});
  (leaf * 2).backward(ones({2}));
  (leaf * 2).backward(ones({2}), {.retain_graph = false});
  same<Var>(leaf.detach());
  same<Shape>(leaf.shape()), same<Index>(leaf.rank()), same<Index>(leaf.size(0)),
      same<Index>(leaf.numel()), same<Real>(number.item());
  {
    const NoGrad guard;
    NoGrad another;
    (void)another;
  }
  same<Var>(record("square", leaf.value() * leaf.value(),
                   {{leaf, [v = leaf.value()](const Tensor& g) { return 2 * g * v; }}}));
  const std::vector<Parent> parents{{leaf, [](const Tensor& g) { return g.clone(); }},
                                    Parent{.var = leaf, .vjp = [](const Tensor& g) { return g; }}};
  same<Var>(record("sum", leaf.value(), parents));
  const std::function<std::vector<Tensor>(const Tensor&)> joint = [](const Tensor& g) {
    return std::vector<Tensor>{g, g};
  };
  same<Var>(record(std::string("joint"), leaf.value(), std::vector<Var>{leaf, leaf}, joint));

  const GradcheckReport report = gradcheck([&] { return leaf * leaf; }, {{"leaf", leaf}});
  same<bool>(report.ok), same<double>(report.worst_error), same<std::string>(report.text);
  static_assert(!std::is_convertible_v<GradcheckReport, bool>);
  if (report)
    (void)gradcheck([&] { return leaf; }, {{"leaf", leaf}, {"still", still}},
                    {.rtol = 1e-5, .seed = 3});
  const GradcheckOptions options;
  static_assert(std::is_same_v<decltype(options.rtol), double> &&
                std::is_same_v<decltype(options.seed), std::uint64_t>);
  same<std::string>(to_text(leaf)), same<std::string>(to_dot(leaf));
  same<std::string>(fmt::format("{} {:.2f}", leaf, leaf));
}

// ---- nn ----

void layers() {
  Rng rng(1);
  const nn::Linear linear(4, 8, rng), plain(4, 8, rng, {.bias = false}),
      named(4, 8, rng, nn::LinearOptions{.bias = true});
  same<nn::Parameter>(linear.weight), same<nn::Parameter>(linear.bias);
  same<Var>(linear(ones({2, 4})));
  nn::Dropout dropout(0.1, rng);
  dropout.training = false;
  same<Var>(dropout(ones({2, 4})));
  const nn::LayerNorm norm(4), wide(4, 1e-6);
  static_assert(!std::is_convertible_v<Index, nn::LayerNorm>);
  same<nn::Parameter>(norm.weight), same<nn::Parameter>(norm.bias), same<Var>(norm(ones({2, 4})));
  const nn::Embedding embedding(10, 4, rng);
  same<nn::Parameter>(embedding.weight), same<Var>(embedding(Tokens{1, 2, {3, 4}}));

  const nn::CrossAttention attention(8, 2, rng),
      wider(8, 2, rng, {.dropout = 0, .bias = false, .key_dim = 6, .value_dim = 4});
  const nn::CrossAttentionOptions defaults;
  (void)(defaults.dropout == 0.1 && defaults.bias && defaults.key_dim == 0 &&
         defaults.value_dim == 0);
  same<nn::Linear>(attention.q_proj), same<nn::Linear>(attention.k_proj),
      same<nn::Linear>(attention.v_proj), same<nn::Linear>(attention.out_proj);
  same<nn::Dropout>(attention.dropout);
  const Var query = ones({1, 2, 8}), key = ones({1, 3, 8});
  Tensor weights;
  same<Var>(attention(query, key, key)), same<Var>(attention(query, key, key, ones({2, 3}))),
      same<Var>(attention(query, key, key, {}, &weights));
  same<Var>(attention(query, key, key, std::optional<Tensor>(), nullptr));

  nn::Parameter parameter(ones({2}));
  static_assert(std::is_base_of_v<Var, nn::Parameter>);
  parameter = Var(linear.bias);
}

void modules() {
  Rng rng(1);
  const Block block{nn::Linear(4, 8, rng), nn::Linear(8, 4, rng)};
  Stack stack{{block, block}, std::nullopt, nn::Parameter(ones({2}))};
  stack.layers[0].up.weight = Var(stack.layers[1].up.weight);
  same<std::vector<std::pair<std::string, Var>>>(nn::named_parameters(block));
  same<std::vector<Var>>(nn::parameters(stack));
  same<Index>(nn::count_parameters(block));
  nn::set_training(block, false);
  nn::check_parameters(sum(block.down(block.up(ones({2, 4})))), block);
  nn::save(block, "block.safetensors");
  nn::LoadReport report = nn::load(block, "block.safetensors");
  report = nn::load(stack, std::string("stack"), {.strict = false});
  report = nn::load(stack, "stack", nn::LoadOptions{.strict = true});
  same<std::vector<std::string>>(report.missing), same<std::vector<std::string>>(report.unexpected);
  same<nn::Metadata>(report.metadata);
  set_nan_check(true);
  nn::set_nan_check(false);
}

void several_in_one_file() {
  Rng rng(1);
  const Block block{nn::Linear(4, 8, rng), nn::Linear(8, 4, rng)};
  optim::Adam adam(nn::parameters(block));
  Index step = 0;
  int epoch = 0;
  double best = 0;
  const std::filesystem::path path = "file";
  const std::string text = "file";
  nn::save(path, {{"model", block}, {"adam", adam}});
  nn::save(text, {{"model", block}}, {{"note", "text"}, {"other", "text"}});
  nn::save("file", {{"model", block}, {"step", step}, {"rng", rng}}, nn::Metadata{});
  nn::save("file", {{"step", step}});
  nn::save("file", {{"step", 5}, {"temporary", optim::Adam(nn::parameters(block))}});
  nn::LoadReport report = nn::load(path, {{"model", block}, {"adam", adam}});
  report = nn::load(text, {{text, block}}, {.strict = false});
  report = nn::load("file", {{"model", block}}, {.ignore_other_parts = true});
  report = nn::load("file", {{"step", step}, {"epoch", epoch}, {"best", best}, {"rng", rng}},
                    nn::LoadOptions{.strict = true, .ignore_other_parts = false});
  report = nn::load("file", {{"weight", block.up.weight}, {"buffer", ones({2})}});

  same<std::map<std::string, Tensor>>(nn::read_tensors("file"));
  same<std::map<std::string, Tensor>>(nn::read_tensors(path, {.skip_unreadable = true}));
  same<std::map<std::string, Tensor>>(nn::read_tensors(text, nn::ReadOptions{}));
  same<nn::Metadata>(nn::read_metadata(path));
}

void models() {
  Rng rng(1);
  const nn::EncoderDecoder model(rng, {.source_vocab = 9,
                                       .target_vocab = 9,
                                       .dim = 8,
                                       .heads = 2,
                                       .layers = 1,
                                       .hidden = 16,
                                       .dropout = 0.1,
                                       .max_length = 16,
                                       .padding = 0});
  same<Index>(nn::EncoderDecoderOptions{.source_vocab = 9, .target_vocab = 9}.dim);
  const Tokens source{1, 2, {4, 5}}, target{1, 3, {1, 4, 5}};
  std::vector<Tensor> weights;
  const Var logits = model(source, target);
  same<Var>(model(source, target, &weights));
  using Encoder = nn::EncoderLayer;
  using Decoder = nn::DecoderLayer;
  static_assert(std::is_class_v<Encoder> && std::is_class_v<Decoder>);
  const std::vector<int> next{4, 5, 2};
  same<Var>(nn::cross_entropy(logits, next));
  same<Var>(nn::cross_entropy(logits, std::span<const int>(next),
                              {.ignore_index = -100, .label_smoothing = 0.1}));
  same<Var>(nn::cross_entropy(logits, next, nn::CrossEntropyOptions{.label_smoothing = 0}));
  same<Var>(nn::cross_entropy(logits, {4, 5, 2}));
  same<Var>(cross_entropy(logits, {4, 5, 2}, {.label_smoothing = 0.1, .reduce = false}));
  same<Var>(nn::binary_cross_entropy_with_logits(logits, zeros(logits.shape())));
  same<Var>(binary_cross_entropy_with_logits(logits, zeros(logits.shape()), {.reduce = false}));
  same<Var>(binary_cross_entropy_with_logits(logits, zeros(logits.shape()),
                                             nn::BinaryCrossEntropyOptions{.reduce = true}));
  same<std::vector<std::vector<int>>>(
      nn::greedy_decode(model, source, {.start = 1, .stop = 2, .max_length = 5}));
  same<std::vector<std::vector<int>>>(nn::greedy_decode(model, source));
  same<std::vector<std::vector<int>>>(nn::greedy_decode(model, source, nn::DecodeOptions{}));
  same<std::vector<std::vector<int>>>(nn::beam_decode(
      model, source, {.start = 1, .stop = 2, .max_length = 5, .beams = 3, .length_penalty = 0.6}));
  same<Tensor>(nn::padding_mask(source, 0)), same<Tensor>(nn::causal_mask(3));
}

// ---- optim ----

void optimisers() {
  const Var w(ones({2}), true);
  optim::Sgd sgd({w}, {.rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
  optim::Sgd plain({w}, optim::SgdOptions{.rate = 0.1}), usual({w});
  sgd.step();
  sgd.zero_grad();
  sgd.options.rate = 0.2;
  optim::Adam adam({w}), adamw({w}, {.rate = 1e-3,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .weight_decay = 0.1,
                                     .decoupled = true});
  adam.step();
  adam.zero_grad();
  adam.options = optim::AdamOptions{.rate = 0.1};
  nn::save(adam, "adam");
  (void)nn::load(sgd, "sgd");
  same<double>(optim::clip_grad_norm({w}, 1.0));
  adam.options.rate = optim::constant(1, {.rate = 0.1, .warmup = 10, .total = 100});
  adam.options.rate = optim::warmup_cosine(Index{1}, {.rate = 0.1, .warmup = 10, .total = 100});
  adam.options.rate = optim::warmup_inverse_sqrt(
      1, optim::ScheduleOptions{.rate = 0.1, .warmup = 10, .total = 100});
}

}  // namespace all_names
