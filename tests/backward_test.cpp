#include <pthread.h>

#include <thread>

#include "autograd/ops.h"
#include "tests/op_table.h"

namespace backward_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

double number(const Tensor& x) { return static_cast<double>(x.item()); }

Var leaf(const Tensor& value) { return Var(value, true); }

// A graph that is destroyed after main() has ended.
Var& outlives_main() {
  static Var x = leaf(1);
  return x;
}

// Runs f in a thread whose stack is far too small for deep recursion.
template <class F>
void with_small_stack(F f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread;
  const auto run = [](void* task) -> void* {
    (*static_cast<F*>(task))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &f) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace

// ---- adding up ----

TEST_CASE("a value used twice gets the sum of both gradients") {
  const Var a = leaf(3);
  const Var b = a + a;
  const Var c = b + b;
  c.backward();
  CHECK(number(a.grad()) == 4);
}

TEST_CASE("doubling twenty times gives 2²⁰ and sweeps every node once") {
  const Var a = leaf(1);
  int calls = 0;
  Var x = a;
  for (int i = 0; i < 20; ++i)
    x = record("twice", x.value() * 2, std::vector<Var>{x, x}, [&calls](const Tensor& g) {
      ++calls;
      return std::vector<Tensor>{g, g};
    });
  x.backward();
  CHECK(number(a.grad()) == 1 << 20);
  CHECK(calls == 20);
}

TEST_CASE("a value that is used early and late waits for both") {
  const Var x = leaf(2);
  const Var y = x * x;
  Var late = y;
  for (int i = 0; i < 10; ++i) late = late + 1;
  (y * late).backward();  // y² + 10y with y = x²
  CHECK(number(x.grad()) == (2 * 4 + 10) * 4);
}

TEST_CASE("gradients add up over calls until zero_grad") {
  const Var x = leaf(tensor({1, 2}));
  for (int i = 1; i <= 3; ++i) {
    sum(x * x).backward();
    CHECK(exact_difference(x.grad(), i * 2 * x.value()) == "");
  }
  x.zero_grad();
  sum(x).backward();
  CHECK(exact_difference(x.grad(), ones({2})) == "");
}

TEST_CASE("interior values start afresh with every sweep") {
  const Var x = leaf(3);
  const Var h = x * 2;
  const Var y = h * h;
  y.backward({.retain_graph = true});
  CHECK(number(x.grad()) == 24);
  y.backward({.retain_graph = true});
  CHECK(number(x.grad()) == 48);
  y.backward();
  CHECK(number(x.grad()) == 72);
}

TEST_CASE("a leaf is its own gradient's seed") {
  const Var x = leaf(tensor({1, 2}));
  x.backward(tensor({5, 6}));
  x.backward(tensor({1, 1}));
  CHECK(exact_difference(x.grad(), tensor({6, 7})) == "");
}

TEST_CASE("a gradient has the shape of its value however it was broadcast") {
  Rng rng(41);
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{3}, Shape{2, 1}, Shape{1, 1, 3}, Shape{4, 2, 3}}) {
    const Var x = leaf(uniform(shape, -1, 1, rng));
    const Tensor wide = uniform({4, 2, 3}, -1, 1, rng);
    sum(x * wide + wide).backward();
    INFO(fmt::format("{}", shape));
    CHECK(difference(x.grad(), sum_to(wide, shape)) == "");
  }
}

TEST_CASE("two outputs of one graph may be swept one after the other, if the first keeps it") {
  const Var x = leaf(2);
  const Var h = exp(x);
  const Var a = h * 2, b = h * 3;
  a.backward({.retain_graph = true});
  b.backward();
  CHECK(difference(x.grad(), Tensor(5 * std::exp(2))) == "");
}

// ---- seeds ----

TEST_CASE("backward without a seed needs exactly one element") {
  const Var x = leaf(ones({2, 3}));
  CHECK_THROWS_AS((x * 2).backward(), StateError);
  CHECK_THROWS_WITH((x * 2).backward(), ContainsSubstring("[2, 3]") && ContainsSubstring("seed"));
  CHECK_THROWS_AS(leaf(zeros({0})).backward(), StateError);
  leaf(ones({1, 1})).backward();
}

TEST_CASE("a seed weighs the elements of the value and must have its shape") {
  const Var x = leaf(tensor({1, 2, 3}));
  (x * x).backward(tensor({1, 0, -1}));
  CHECK(exact_difference(x.grad(), tensor({2, 0, -6})) == "");
  CHECK_THROWS_WITH((x * x).backward(ones({1, 3})),
                    ContainsSubstring("[3]") && ContainsSubstring("[1, 3]"));
  CHECK_THROWS_AS((x * x).backward(Tensor(1)), ShapeError);
}

TEST_CASE("a value behind which no leaf requires a gradient cannot be swept") {
  CHECK_THROWS_AS(Var(1).backward(), StateError);
  CHECK_THROWS_WITH((Var(1) + 2).backward(), ContainsSubstring("requires"));
}

// ---- after a sweep the graph is freed ----

TEST_CASE("sweeping a freed graph again is an error that says how to keep it") {
  const Var x = leaf(2);
  const Var y = x * x;
  y.backward();
  CHECK_THROWS_AS(y.backward(), StateError);
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("retain_graph") && ContainsSubstring("'mul'"));
  CHECK_THROWS_AS((y + 1).backward(), StateError);
  CHECK(number(x.grad()) == 4);
}

TEST_CASE("a failed backward changes no leaf, and leaves nothing half gathered") {
  const Var x = leaf(2), other = leaf(3);
  const Var freed = x * x;
  freed.backward();
  // The sweep visits `other`, and reaches x by a valid path, before it meets the freed node.
  CHECK_THROWS_AS((freed + exp(other) * x + other).backward(), StateError);
  CHECK(number(x.grad()) == 4);
  CHECK(!other.has_grad());

  const Var bad = record("bad", x.value(),
                         {{x, [](const Tensor&) -> Tensor { throw std::runtime_error("no"); }}});
  CHECK_THROWS_AS((bad + x * other).backward(), std::runtime_error);
  CHECK(!other.has_grad());
  (x * other).backward();
  CHECK(number(x.grad()) == 4 + 3);
  CHECK(number(other.grad()) == 2);
}

TEST_CASE("what a failed sweep gathered at interior values is forgotten") {
  const Var x = leaf(2);
  const Var h = x * 3;
  const Var bad = record("bad", x.value(),
                         {{x, [](const Tensor&) -> Tensor { throw std::runtime_error("no"); }}});
  CHECK_THROWS_AS((bad + h).backward(), std::runtime_error);  // h, the older one, comes last
  (h * 5).backward();
  CHECK(number(x.grad()) == 15);
}

// ---- saved values are guarded ----

TEST_CASE("writing a saved value in place is noticed before any leaf changes") {
  const auto expect_error = [](const std::string& op, auto write) {
    const Var x = leaf(tensor({1, 2}));
    const Var h = exp(x);
    const Var y = sum(h * x);
    write(x.value(), h.value(), y.value());
    INFO(op);
    CHECK_THROWS_AS(y.backward({.retain_graph = true}), StateError);
    CHECK_THROWS_WITH(y.backward(), ContainsSubstring(op) && ContainsSubstring("in place"));
    CHECK(!x.has_grad());
  };
  expect_error("'mul'", [](Tensor x, const Tensor&, const Tensor&) { x.fill(0); });
  expect_error("'mul'", [](Tensor x, const Tensor&, const Tensor&) { x.copy_from(zeros({2})); });
  expect_error("'mul'", [](const Tensor&, Tensor h, const Tensor&) { h.fill(0); });
  expect_error("'mul'", [](const Tensor&, Tensor h, const Tensor&) { h.slice(0, 0, 1).fill(0); });
  expect_error("'sum'", [](const Tensor&, const Tensor&, Tensor y) { y.fill(0); });
}

TEST_CASE("a mask that was written in place since is noticed too") {
  const Var x = leaf(tensor({1, 2}));
  Tensor mask = tensor({1, 0});
  const Var y = sum(where(mask, x, 0));
  mask.fill(1);
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("'where'"));
}

TEST_CASE("writing a clone, or after the sweep, is no error") {
  const Var x = leaf(tensor({1, 2}));
  const Var y = sum(x * x);
  x.value().clone().fill(9);
  y.backward();
  Tensor value = x.value();
  value.fill(5);
  sum(x * x).backward();
  CHECK(exact_difference(x.grad(), tensor({12, 14})) == "");
}

// ---- who owns the memory of a gradient ----

TEST_CASE("a gradient shares memory with no seed, no other gradient and no value") {
  const Var a = leaf(tensor({1, 2})), b = leaf(tensor({3, 4}));
  Tensor seed = tensor({1, 1});
  (a + b).backward(seed);
  const auto apart = [](const Tensor& x, const Tensor& y) {
    return !x.storage().same_as(y.storage());
  };
  CHECK(apart(a.grad(), b.grad()));
  CHECK(apart(a.grad(), seed));
  CHECK(apart(b.grad(), seed));
  seed.fill(7);
  CHECK(exact_difference(a.grad(), tensor({1, 1})) == "");

  a.zero_grad();
  a.backward(seed);
  CHECK(apart(a.grad(), seed));

  const Var c = leaf(ones({2})), d = leaf(ones({2, 2}));
  (c * d).backward(ones({2, 2}));
  CHECK(apart(c.grad(), d.value()));
  CHECK(apart(d.grad(), c.value()));

  const Var e = leaf(ones({3}));
  const Var same = record("same", e.value(), {{e, [e = e.value()](const Tensor&) { return e; }}});
  same.backward(ones({3}));
  CHECK(apart(e.grad(), e.value()));
}

TEST_CASE("a gradient once taken does not change with later sweeps") {
  const Var x = leaf(tensor({1, 2}));
  sum(x * 2).backward();
  const Tensor first = x.grad();
  sum(x * 3).backward();
  CHECK(exact_difference(first, tensor({2, 2})) == "");
  CHECK(exact_difference(x.grad(), tensor({5, 5})) == "");
  x.zero_grad();
  CHECK(exact_difference(first, tensor({2, 2})) == "");
}

TEST_CASE("a gradient is contiguous and holds no more memory than it shows") {
  const Var x = leaf(ones({3, 4})), y = leaf(ones({4, 3}));
  sum(x).backward();
  sum(y.mT() * x).backward();
  CHECK(x.grad().is_contiguous());
  CHECK(x.grad().storage().count() == 12);
  CHECK(y.grad().is_contiguous());
  CHECK(y.grad().storage().count() == 12);
}

TEST_CASE("the g that a VJP keeps stays as it was") {
  const Var a = leaf(tensor({1, 2}));
  std::vector<Tensor> kept;
  const Var y =
      record("keeps", a.value(), {{a, [&kept](const Tensor& g) { return kept.push_back(g), g; }}});
  (y + a * 2).backward(ones({2}));
  CHECK(exact_difference(kept.at(0), ones({2})) == "");
  CHECK(exact_difference(a.grad(), tensor({3, 3})) == "");
}

// ---- depth, threads, the end of the program ----

TEST_CASE("a chain of a million additions is swept and destroyed on a small stack") {
  double grad = 0;
  bool freed = false;
  with_small_stack([&] {
    const Index before = live_bytes();
    {
      const Var x = leaf(1);
      Var y = x;
      for (int i = 0; i < 1'000'000; ++i) y = y + x;
      y.backward({.retain_graph = true});  // the last handle then destroys the graph
      grad = number(x.grad());
    }
    freed = live_bytes() == before;
  });
  CHECK(grad == 1'000'001);
  CHECK(freed);
}

TEST_CASE("a long chain of users' closures that hold Vars is destroyed on a small stack") {
  bool done = false;
  with_small_stack([&] {
    {
      Var y = leaf(1);
      for (int i = 0; i < 100'000; ++i)
        y = record("holds", y.value(), {{y, [y](const Tensor& g) { return g + 0 * y.value(); }}});
    }
    done = true;
  });
  CHECK(done);
}

TEST_CASE("a wide graph of a hundred thousand branches is swept") {
  const Var x = leaf(1);
  std::vector<Var> branches(100'000, x);
  sum(stack(branches, 0)).backward();
  CHECK(number(x.grad()) == 1e5);
}

TEST_CASE("a graph made in one thread is swept and destroyed in another") {
  const Index before = live_bytes();
  {
    const Var x = leaf(ones({10}));
    Var y = x;
    std::thread([&] {
      for (int i = 0; i < 100; ++i) y = y * 1.0 + x;
    }).join();
    std::thread([graph = std::move(y)] { sum(graph).backward(); }).join();
    y = Var();
    CHECK(exact_difference(x.grad(), full({10}, 101)) == "");
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("threads may sweep graphs of their own over shared constants") {
  const Tensor shared = ones({50});
  std::vector<double> grads(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < grads.size(); ++i)
    threads.emplace_back([&shared, &grads, i] {
      const Var x = leaf(2);
      for (int round = 0; round < 200; ++round) sum(x * shared).backward();
      grads[i] = number(x.grad());
    });
  for (std::thread& thread : threads) thread.join();
  for (const double grad : grads) CHECK(grad == 200 * 50);
}

TEST_CASE("a graph may outlive main") {
  Var& x = outlives_main();
  for (int i = 0; i < 1000; ++i) x = x * 1.0;
  CHECK(x.requires_grad());  // the test is that the program then ends without a crash
}

}  // namespace backward_test
