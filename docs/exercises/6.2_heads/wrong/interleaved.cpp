// fails: head 0 sees columns 0 and 1, and head 1 sees columns 2 and 3 | The columns of the heads are interleaved: head 0 gets columns 0, 2, 4 and so on. The axis of heads comes before that of their columns: [B, T, H, D].
// also: a head sees its columns at every position and in every sentence
// also: packed projections equal the article's formula head by head
Var split(const Var& x) const {
  return x.reshape(Shape{x.size(0), x.size(1), x.size(2) / heads, heads}).permute({0, 3, 1, 2});
}
