// fails: head 0 sees columns 0 and 1, and head 1 sees columns 2 and 3 | Reshaped straight to [B, H, T, D], the first head gets the first positions with all their columns. Reshape to [B, T, H, D] first, then exchange the axes.
// also: a head sees its columns at every position and in every sentence
// also: packed projections equal the article's formula head by head
// says: [0.000, 0.000, 1.000]
Var split(const Var& x) const {
  return x.reshape(Shape{x.size(0), heads, x.size(1), x.size(2) / heads});
}
