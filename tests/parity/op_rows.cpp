// # Ops of tensor/ and autograd/
//
// Cases in which glassgrad deliberately differs are left out:
//
// - a softmax over nothing but −∞ is 0, where PyTorch says NaN: an attention row without a key
// - relu sends no gradient to a NaN, gelu(±∞) has a limit, and pow is that of C's library at −∞ and
//   −0, where PyTorch takes roots instead
//
// Nor does layer_norm see rows far from 0 and of little variance: there PyTorch rounds away up to
// ten digits.
#include "tests/parity/rows.h"

namespace glass::parity {

namespace {

const std::vector<double> all_scales = {1e-3, 1, 1, 30, 1e4};
const std::vector<double> finite = {0, -0.0, 1e300, -1e300, 1e-300};
const std::vector<double> numbers = list(finite, std::vector{infinity, -infinity});
const std::vector<double> extremes = list(numbers, std::vector{not_a_number});

auto one(Range range = {-2, 2, all_scales, extremes}) {
  return [range](Dice& d) { return Case{{d.numbers(d.shape(0, 4), range)}, {}, {}}; };
}

auto two(Range range = {-2, 2, {1e-3, 1, 1, 30}, extremes}) {
  return [range](Dice& d) {
    const Shape shape = d.shape(0, 4);
    return Case{
        {d.numbers(d.stretchable(shape), range), d.numbers(d.stretchable(shape), range)}, {}, {}};
  };
}

// A case whose options depend on its shape: an axis, and what else the op needs.
template <class F>
auto along(F options, Range range, Index lowest = 1) {
  return [=](Dice& d) {
    const Shape shape = d.shape(lowest, 4);
    return Case{{d.numbers(shape, range)}, {}, options(d, shape)};
  };
}
template <class F>
auto along(F options, Index lowest = 1) {
  return along(options, Range{}, lowest);
}

Case some_axes(Dice& d) {
  const Shape shape = d.shape(1, 4);
  std::vector<Index> axes = d.order(shape.rank());
  axes.resize(static_cast<std::size_t>(d.between(d.chance(0.1) ? 0 : 1, shape.rank())));
  for (Index& axis : axes) axis -= d.chance(0.3) ? shape.rank() : 0;
  return {{d.numbers(shape, {-2, 2, {1e-3, 1, 30}})}, {}, list(d.chance(0.5), axes)};
}

// Some axes, none of them empty.
Case some_full_axes(Dice& d) {
  Case c = some_axes(d);
  Shape shape = c.inputs[0].shape();
  for (Index axis = 0; axis < shape.rank(); ++axis)
    if (shape[axis] == 0) shape = shape.with(axis, 2);
  c.inputs = {d.numbers(shape, {-2, 2, all_scales, extremes})};
  return c;
}

// At least one axis. An empty list names all axes; PyTorch 1.13 takes it so in sum, but not in
// logsumexp, and not in the gradient of var.
Case named_axes(Dice& d) {
  Case c = some_axes(d);
  if (c.options.size() == 1) c.options.push_back(0);
  return c;
}

// The divisor of a variance, then some axes.
Case some_variance(Dice& d) {
  Case c = named_axes(d);
  c.options.insert(c.options.begin(), d.chance(0.5));
  return c;
}

// The same without equal numbers, of which the deviation is a kink: here it has gradient 0, while
// PyTorch divides one rounding error by another.
Case some_deviation(Dice& d) {
  Case c = some_variance(d);
  Tensor& x = c.inputs[0];
  x = x + 1e-2 * arange(x.numel()).reshape(x.shape());
  return c;
}

Case rows_by_a_list(Dice& d) {
  Shape shape = d.shape(1, 4);
  const Index axis = d.axis(shape);
  if (shape[axis] == 0) shape = shape.with(axis, 2);
  return {{d.numbers(shape)}, {}, list(axis, d.ids(d.size(), shape[axis]))};
}

// An axis that is not empty, and whether it is kept.
Case one_axis(Dice& d) {
  Shape shape = d.shape(1, 4);
  const Index axis = d.axis(shape);
  if (shape[axis] == 0) shape = shape.with(axis, 3);
  return {{d.numbers(shape, {-2, 2, all_scales, extremes})}, {}, list(axis, d.chance(0.5))};
}

// −∞ means blocked. No row has only −∞, for which PyTorch gives NaN.
Case row_with_gaps(Dice& d) {
  const Shape shape = d.shape(1, 4);
  const Index axis = d.axis(shape);
  Tensor x = d.numbers(shape, {-2, 2, all_scales, {infinity, not_a_number}});
  if (!d.small && d.chance(0.3)) {
    Tensor open = d.mask(shape, 0.7);
    if (shape[axis] > 0) open.select(axis, 0).fill(1);
    x = where(open, x, -infinity);
  }
  return {{x}, {}, list(axis)};
}

Case matrices(Dice& d) {
  const Index m = d.length(), n = d.length();
  const Index k = d.chance(0.05) ? 0 : d.chance(0.02) ? d.between(200, 600) : d.length();
  const Range range{-2, 2, {1e-3, 1, 10}, {infinity, not_a_number}};
  const Shape batch = d.shape(0, 2);
  const auto matrix = [&](Index rows, Index columns) {
    const Shape front = d.chance(0.3) ? Shape{} : d.stretchable(batch);
    return d.numbers(front.insert(front.rank(), rows).insert(front.rank() + 1, columns), range);
  };
  const double kind = d.one_of({0, 0, 0, 0, 1, 2, 3});  // which of the operands are vectors
  return {{kind == 1 || kind == 3 ? d.numbers({k}, range) : matrix(m, k),
           kind == 2 || kind == 3 ? d.numbers({k}, range) : matrix(k, n)},
          {},
          {}};
}

std::vector<double> new_sizes(Dice& d, const Shape& shape) {
  std::vector<Index> sizes;
  Index left = shape.numel();
  while (left > 1 && sizes.size() < 5) {
    Index size = d.between(1, left);
    while (left % size != 0) --size;
    sizes.push_back(size);
    left /= size;
  }
  sizes.push_back(left);
  if (shape.numel() > 0 && d.chance(0.3))
    sizes[static_cast<std::size_t>(d.below(static_cast<Index>(sizes.size())))] = -1;
  return list(sizes);
}

std::vector<double> part(Dice& d, const Shape& shape) {
  const Index axis = d.axis(shape), n = shape[axis];
  return list(axis, d.between(-n - 1, n + 1), d.between(-n - 1, n + 3), d.between(1, 3));
}

Case position(Dice& d) {
  Shape shape = d.shape(1, 4);
  const Index axis = d.axis(shape);
  if (shape[axis] == 0) shape = shape.with(axis, 2);
  return {{d.numbers(shape)}, {}, list(axis, d.between(-shape[axis], shape[axis] - 1))};
}

Case expanded(Dice& d) {
  Shape to = d.shape(0, 4);
  const Shape from = d.stretchable(to);
  const Index added = to.rank() - from.rank();
  for (Index axis = 0; axis < from.rank(); ++axis)
    if (from[axis] == to[added + axis] && d.chance(0.2)) to = to.with(added + axis, -1);
  return {{d.numbers(from)}, {}, list(to)};
}

Case joined(Dice& d) {
  const Shape shape = d.shape(1, 4);
  const Index axis = d.axis(shape);
  Case c{{}, {}, list(axis)};
  for (Index i = d.between(1, 4); i > 0; --i)
    c.inputs.push_back(d.numbers(shape.with(axis, d.size())));
  return c;
}

Case stacked(Dice& d) {
  const Shape shape = d.shape(0, 3);
  Case c{{}, {}, list(d.between(-shape.rank() - 1, shape.rank()))};
  for (Index i = d.between(1, 4); i > 0; --i) c.inputs.push_back(d.numbers(shape));
  return c;
}

Case rows_of_a_table(Dice& d) {
  const Index batch = d.size(), length = d.size(), rows = d.length();
  return {{d.numbers({rows, d.size()})}, {}, list(batch, length, d.ids(batch * length, rows))};
}

Case some_program(Dice& d) {
  const Index n = d.small ? 2 : d.between(1, 4), inputs = d.between(1, 3);
  Case c;
  for (Index i = 0; i < inputs; ++i) c.inputs.push_back(d.numbers({n, n}));
  for (Index i = 0; i < (d.small ? 6 : 15); ++i) {
    const Index last = inputs + i - 1;
    const auto operands = list(d.between(0, 7), d.chance(0.5) ? last : d.between(0, last),
                               d.chance(0.5) ? last : d.between(0, last));
    c.options.insert(c.options.end(), operands.begin(), operands.end());
  }
  return c;
}

Case choice(Dice& d) {
  Case c = two()(d);
  const Shape shape = broadcast("where", c.inputs[0].shape(), c.inputs[1].shape());
  c.constants = {d.mask(d.stretchable(shape), 0.5) * d.one_of({1, -3, 0.5})};
  return c;
}

Case norm(Dice& d) {
  const Shape shape = d.shape(0, 3);
  const Index width = d.length();
  return {{d.numbers(shape.insert(shape.rank(), width), {-2, 2, {1e-3, 1, 30}}), d.numbers({width}),
           d.numbers({width})},
          {},
          {d.one_of({1e-5, 1e-3, 0.1})}};
}

// Numbers of both sides of the bounds, and on them; a bound may be infinite. The bounds differ:
// between two equal ones clamp is constant, its gradient is 0 here and 1 at the bound in PyTorch.
Case bounded(Dice& d) {
  const double lo = d.one_of({-1.5, -0.5, -0.5, 0, d.small ? -1 : -infinity});
  const double hi = d.one_of({lo == 0 ? 2. : 0., 0.5, 0.5, 1, d.small ? 1 : infinity});
  return {{d.numbers(d.shape(0, 4), {-2, 2, {1, 1, 30}, extremes})}, {}, {lo, hi}};
}

torch::Tensor to_numbers(const torch::Tensor& x) { return x.to(torch::kDouble); }

}  // namespace

std::vector<Row> op_rows() {
  const Range positive{0.2, 3, all_scales, extremes};
  const std::vector<double> limits = {0, -0.0, infinity, -infinity, not_a_number};
  const Range factors{-2, 2, {1e-3, 1, 1, 30}, limits}, divisors{0.5, 3, {0.1, 1, 30}, limits};
  return {
      {"exp", one(), [](auto& r) { return r.x[0].exp(); }},
      {"log", one(positive), [](auto& r) { return r.x[0].log(); }},
      {"log1p", one(positive), [](auto& r) { return r.x[0].log1p(); }},
      {"sqrt", one(positive), [](auto& r) { return r.x[0].sqrt(); }},
      {"sin", one(), [](auto& r) { return r.x[0].sin(); }},
      {"cos", one(), [](auto& r) { return r.x[0].cos(); }},
      {"tanh", one(), [](auto& r) { return r.x[0].tanh(); }},
      {"sigmoid", one(), [](auto& r) { return r.x[0].sigmoid(); }},
      {"relu", one({-2, 2, all_scales, numbers}), [](auto& r) { return r.x[0].relu(); }},
      {"softplus", one(), [](auto& r) { return torch::softplus(r.x[0], 1, /*threshold=*/700); }},
      {"clamp", bounded, [](auto& r) { return r.x[0].clamp(r.number(0), r.number(1)); }},
      {"gelu", one({-2, 2, all_scales, finite}), [](auto& r) { return torch::gelu(r.x[0]); }},
      {"abs", one(), [](auto& r) { return r.x[0].abs(); }},
      {"negative", one(), [](auto& r) { return -r.x[0]; }},
      {"pow",
       [](Dice& d) {
         const double exponent = d.one_of({0, 1, 2, 3, 4, -1, -2, 0.5, 1.5, -0.5, 2.25});
         const bool whole = std::trunc(exponent) == exponent && exponent >= 0;
         const Range range{whole ? -2.0 : 0.5, 2, {0.1, 1, 30}, {0, 1e300, infinity, not_a_number}};
         return Case{{d.numbers(d.shape(0, 4), range)}, {}, {exponent}};
       },
       [](auto& r) { return r.x[0].pow(r.number(0)); }, 0, 1, 6},
      {"numbers", one({0.5, 3, {0.1, 1, 30}}),
       [](auto& r) { return 2 - 3 / r.x[0] + (r.x[0] + 2) * 1.5 / 4; }},

      {"+", two(), [](auto& r) { return r.x[0] + r.x[1]; }},
      {"-", two(), [](auto& r) { return r.x[0] - r.x[1]; }},
      {"*", two(factors), [](auto& r) { return r.x[0] * r.x[1]; }},
      {"/", two(divisors), [](auto& r) { return r.x[0] / r.x[1]; }},
      {"maximum", two(), [](auto& r) { return torch::maximum(r.x[0], r.x[1]); }},
      {"minimum", two(), [](auto& r) { return torch::minimum(r.x[0], r.x[1]); }},
      {"where", choice, [](auto& r) { return torch::where(r.masks[0] != 0, r.x[0], r.x[1]); }},
      {"equal", two(), [](auto& r) { return to_numbers(r.x[0] == r.x[1]); }},
      {"less", two(), [](auto& r) { return to_numbers(r.x[0] < r.x[1]); }},
      {"less_equal", two(), [](auto& r) { return to_numbers(r.x[0] <= r.x[1]); }},
      {"greater", two(), [](auto& r) { return to_numbers(r.x[0] > r.x[1]); }},
      {"greater_equal", two(), [](auto& r) { return to_numbers(r.x[0] >= r.x[1]); }},

      {"sum", one({-2, 2, {1e-3, 1, 30}, {infinity, not_a_number}}),
       [](auto& r) { return r.x[0].sum(); }},
      {"sum of axes", some_axes, [](auto& r) { return r.x[0].sum(r.rest(1), r.flag(0)); }},
      {"mean", one({-2, 2, {1e-3, 1, 30}, {infinity, not_a_number}}),
       [](auto& r) { return r.x[0].mean(); }},
      {"mean of axes", some_axes, [](auto& r) { return r.x[0].mean(r.rest(1), r.flag(0)); }},
      {"max", one_axis, [](auto& r) { return std::get<0>(r.x[0].max(r.index(0), r.flag(1))); }},
      {"min", one_axis, [](auto& r) { return std::get<0>(r.x[0].min(r.index(0), r.flag(1))); }},
      {"amax", some_full_axes, [](auto& r) { return r.x[0].amax(r.rest(1), r.flag(0)); }},
      {"amin", some_full_axes, [](auto& r) { return r.x[0].amin(r.rest(1), r.flag(0)); }},
      {"logsumexp", named_axes, [](auto& r) { return r.x[0].logsumexp(r.rest(1), r.flag(0)); }},
      {"var", some_variance, [](auto& r) { return r.x[0].var(r.rest(2), !r.flag(0), r.flag(1)); }},
      {"std", some_deviation, [](auto& r) { return r.x[0].std(r.rest(2), !r.flag(0), r.flag(1)); }},
      {"cumsum", along([](Dice& d, const Shape& s) { return list(d.axis(s)); }),
       [](auto& r) { return r.x[0].cumsum(r.index(0)); }},
      {"argmax", one_axis, [](auto& r) { return to_numbers(r.x[0].argmax(r.index(0)).flatten()); }},

      {"softmax", row_with_gaps, [](auto& r) { return r.x[0].softmax(r.index(0)); }},
      {"log_softmax", row_with_gaps, [](auto& r) { return r.x[0].log_softmax(r.index(0)); }},
      {"layer_norm", norm,
       [](auto& r) {
         return torch::layer_norm(r.x[0], r.x[1].sizes(), r.x[1], r.x[2], r.number(0));
       }},
      {"matmul", matrices, [](auto& r) { return torch::matmul(r.x[0], r.x[1]); }, 0, 1, 6},
      {"tril", along([](Dice& d, const Shape&) { return list(d.between(-4, 4)); }, 2),
       [](auto& r) { return r.x[0].tril(r.index(0)).detach(); }},

      {"transpose", along([](Dice& d, const Shape& s) { return list(d.axis(s), d.axis(s)); }),
       [](auto& r) { return r.x[0].transpose(r.index(0), r.index(1)); }},
      {"mT", along([](Dice&, const Shape&) { return list(); }, 2),
       [](auto& r) { return r.x[0].mT(); }},
      {"permute", along([](Dice& d, const Shape& s) { return list(d.order(s.rank())); }),
       [](auto& r) { return r.x[0].permute(r.rest(0)); }},
      {"reshape", along(new_sizes), [](auto& r) { return r.x[0].reshape(r.rest(0)); }},
      {"slice", along(part),
       [](auto& r) { return r.x[0].slice(r.index(0), r.index(1), r.index(2), r.index(3)); }},
      {"select", position, [](auto& r) { return r.x[0].select(r.index(0), r.index(1)); }},
      {"expand", expanded, [](auto& r) { return r.x[0].expand(r.rest(0)); }},
      {"squeeze", along([](Dice& d, const Shape& s) { return list(d.axis(s)); }),
       [](auto& r) { return r.x[0].squeeze(r.index(0)); }},
      {"unsqueeze",
       along([](Dice& d, const Shape& s) { return list(d.between(-s.rank() - 1, s.rank())); }, 0),
       [](auto& r) { return r.x[0].unsqueeze(r.index(0)); }},

      {"cat", joined, [](auto& r) { return torch::cat(r.x, r.index(0)); }},
      {"stack", stacked, [](auto& r) { return torch::stack(r.x, r.index(0)); }},
      {"take", rows_of_a_table,
       [](auto& r) {
         const auto ids = torch::tensor(r.rest(2), torch::kLong);
         return r.x[0].index_select(0, ids).reshape({r.index(0), r.index(1), r.x[0].size(1)});
       }},
      {"take by a list", rows_by_a_list,
       [](auto& r) {
         return r.x[0].index_select(r.index(0), torch::tensor(r.rest(1), torch::kLong));
       }},
      {"program", some_program, [](auto& r) { return program(r.x, r); }},
  };
}

}  // namespace glass::parity
