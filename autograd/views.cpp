// # Views, joining and picking: their VJPs
//
// These ops compute nothing: they choose numbers and give them another place. So a VJP sends each
// number of g back to where its value came from.
#include "autograd/ops.h"

#include <limits>

namespace glass {

// ---- views ----
// dx is the inverse view of g.

Var Var::transpose(Axis a, Axis b) const {
  return record("transpose", value().transpose(a, b),
                on(*this, [a, b](const Tensor& g) { return g.transpose(a, b); }));
}

Var Var::mT() const {
  return record("mT", value().mT(), on(*this, [](const Tensor& g) { return g.mT(); }));
}

Var Var::permute(std::vector<Index> axes) const {
  return record("permute", value().permute(axes), on(*this, [axes](const Tensor& g) {
                  std::vector<Index> inverse(axes.size());
                  for (std::size_t i = 0; i < axes.size(); ++i)
                    inverse[static_cast<std::size_t>(g.shape().wrap(axes[i]))] =
                        static_cast<Index>(i);
                  return g.permute(inverse);
                }));
}

// Repeating is broadcasting: the sweep sums g to the parent's shape.
Var Var::expand(Shape shape) const {
  return record("expand", value().expand(shape), on(*this, [](const Tensor& g) { return g; }));
}

namespace {

// All elements, under another shape.
Var reshaped(OpName op, const Var& x, Tensor y) {
  return record(op, std::move(y),
                on(x, [from = x.shape()](const Tensor& g) { return g.reshape(from); }));
}

// Some elements: what is left out has gradient 0.
Var part(OpName op, const Var& x, auto view) {
  return record(op, view(x.value()), on(x, [from = x.shape(), view](const Tensor& g) {
                  const Tensor dx = zeros(from);
                  view(dx).copy_from(g);
                  return dx;
                }));
}

}  // namespace

Var Var::reshape(Shape shape) const { return reshaped("reshape", *this, value().reshape(shape)); }
Var Var::squeeze(Axis axis) const { return reshaped("squeeze", *this, value().squeeze(axis)); }
Var Var::unsqueeze(Axis axis) const {
  return reshaped("unsqueeze", *this, value().unsqueeze(axis));
}

Var Var::slice(Axis axis, Index begin, Index end, Index step) const {
  return part("slice", *this, [=](const Tensor& x) { return x.slice(axis, begin, end, step); });
}
Var Var::slice(Axis axis, Index begin) const {
  return slice(axis, begin, std::numeric_limits<Index>::max());
}
Var Var::select(Axis axis, Index i) const {
  return part("select", *this, [=](const Tensor& x) { return x.select(axis, i); });
}

// ---- joining and picking ----

namespace {

std::vector<Tensor> values_of(std::span<const Var> list) {
  std::vector<Tensor> values;
  for (const Var& var : list) values.push_back(var.value());
  return values;
}

}  // namespace

// Each part gets its slice of g.
Var cat(std::span<const Var> list, Axis axis) {
  Tensor joined = cat(values_of(list), axis);
  std::vector<Parent> parents;
  Index begin = 0;
  for (const Var& part : list) {
    const Index end = begin + part.size(axis);
    parents.push_back({part, [=](const Tensor& g) { return g.slice(axis, begin, end); }});
    begin = end;
  }
  return record("cat", std::move(joined), std::move(parents));
}

Var stack(std::span<const Var> list, Axis axis) {
  std::vector<Parent> parents;
  for (Index i = 0; i < std::ssize(list); ++i)
    parents.push_back(
        {list[static_cast<std::size_t>(i)], [=](const Tensor& g) { return g.select(axis, i); }});
  return record("stack", stack(values_of(list), axis), std::move(parents));
}

// yᵢ = table[tokenᵢ]     d table[v] = Σ gᵢ over all i with tokenᵢ = v
Var take(const Var& table, const Tokens& tokens) {
  return record("take", take(table.value(), tokens),
                on(table, [tokens, rows = table.size(0)](const Tensor& g) {
                  return scatter_add(g, tokens, rows);
                }));
}

// yᵢ = x[indexᵢ] along the axis     dx[v] = Σ gᵢ over all i with indexᵢ = v
Var take(const Var& x, Axis axis, std::span<const int> indices) {
  const Tensor y = take(x.value(), axis, indices);
  return record(
      "take", y,
      on(x, [axis, list = std::vector<int>(indices.begin(), indices.end()),
             size = x.size(axis)](const Tensor& g) { return scatter_add(g, axis, list, size); }));
}

}  // namespace glass
