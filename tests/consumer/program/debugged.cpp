// What gdb shows of a program, with the installed share/glassgrad/glassgrad-gdb.py.
//
// Wherever stop() is called, ../gdb_test.py checks the comments of the calling function:
//
//     // expression → what gdb prints for it; … at the end stands for the rest of the line
#include <glassgrad.h>

#include <cstring>
#include <initializer_list>
#include <limits>
#include <utility>

using namespace glass;

namespace {

// The objects must be in memory, so an optimiser may not keep their members in registers.
[[gnu::noinline]] void stop(std::initializer_list<const void*> objects) {
  asm volatile("" : : "r"(objects.begin()) : "memory");
}

[[gnu::noinline]] void numbers() {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const Tensor rows = tensor({{1, 2, 3}, {4, 5, 6}});
  const Tensor scalar = 3.5, empty_rows = zeros({2, 0});
  const Tensor odd = tensor({-inf, inf, std::numeric_limits<double>::quiet_NaN(), -0.0});
  const Tensor digits = tensor({0.1, 1e-5, 1e9, -2.25, 16777216.0, 1e20});
  const Tensor seven = arange(7), eight = arange(8), table = arange(10'000).reshape({100, 100});
  const Tensor deep = zeros({9, 9, 9, 9});
  const Tensor& alias = rows;
  // rows → Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}
  // alias → Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}
  // scalar → Tensor [] 3.5
  // empty_rows → Tensor [2, 0] {}
  // odd → Tensor [4] {-inf, inf, nan, -0}
  // digits → Tensor [6] {0.1, 1e-05, 1000000000, -2.25, 16777216, 1e+20}
  // seven → Tensor [7] {0, 1, 2, 3, 4, 5, 6}
  // eight → Tensor [8] {0, 1, 2, ..., 5, 6, 7}
  // table → Tensor [100, 100] {{0, 1, 2, ..., 97, 98, 99}, {100, 101, 102, …
  // deep → Tensor [9, 9, 9, 9] {{{{0, 0, 0, ..., 0, 0, 0}, {0, 0, 0, ..., 0, 0, 0}, …
  // rows.layout_.layout_->shape → Shape [2, 3]
  // scalar.layout_.layout_->shape → Shape []
  stop({&rows, &scalar, &empty_rows, &odd, &digits, &seven, &eight, &table, &deep, &alias});
}

[[gnu::noinline]] void views() {
  const Tensor rows = tensor({{1, 2, 3}, {4, 5, 6}});
  const Tensor turned = rows.mT(), column = rows.select(1, 2), last = rows.slice(0, 1, 2);
  const Tensor thirds = arange(9).slice(0, 1, 9, 3),
               wide = tensor({7, 8}).unsqueeze(1).expand({2, 3});
  const Tensor backwards = rows.view({3}, {-2}, 5), copy = rows,
               one = rows.slice(0, 1, 2).slice(1, 1, 2);
  // turned → Tensor [3, 2] {{1, 4}, {2, 5}, {3, 6}}, a view: strides [1, 3] in 6 numbers
  // column → Tensor [2] {3, 6}, a view: strides [3] in 6 numbers
  // last → Tensor [1, 3] {{4, 5, 6}}, a view of 6 numbers
  // thirds → Tensor [3] {1, 4, 7}, a view: strides [3] in 9 numbers
  // wide → Tensor [2, 3] {{7, 7, 7}, {8, 8, 8}}, expanded: strides [1, 0] in 2 numbers
  // backwards → Tensor [3] {6, 4, 2}, a view: strides [-2] in 6 numbers
  // copy → Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}
  // one → Tensor [1, 1] {{5}}, a view of 6 numbers
  stop({&rows, &turned, &column, &last, &thirds, &wide, &backwards, &copy, &one});
}

[[gnu::noinline]] void values() {
  const Var w(tensor({1, 2}), true), constant = 5;
  const Var product = w * constant, before = sum(product * w);
  nn::Parameter weight(tensor({3}));
  const nn::Parameter& bound = weight;
  const Var own = record("my \"op\"", ones({1}), {{w, [](const Tensor& g) { return g; }}});
  // w → Var [2] {1, 2}, leaf, requires_grad, no grad
  // constant → Var [] 5, constant
  // product → Var [2] {5, 10}, made by 'mul', requires_grad
  // weight → Parameter [1] {3}, leaf, requires_grad, no grad
  // own → Var [1] {1}, made by 'my "op"', requires_grad
  stop({&w, &constant, &product, &before, &bound, &own});
  before.backward();
  const nn::Parameter next = std::move(weight);
  // w → Var [2] {1, 2}, leaf, requires_grad, grad [2] {10, 20}
  // before → Var [] 25, made by 'sum', requires_grad, graph freed by backward()
  // next → Parameter [1] {3}, leaf, requires_grad, no grad
  // weight → Parameter <moved from, or not initialised>
  stop({&w, &constant, &product, &before, &bound, &own, &next});
}

}  // namespace

// Memory that holds no object, read as one. Outside the namespace without a name, where a compiler
// may remove what no code reads.
alignas(64) unsigned char zero_bytes[256], odd_bytes[256];
alignas(64) unsigned char destroyed[sizeof(Tensor)], unreadable[sizeof(Tensor)];
alignas(64) unsigned char nine_axes[sizeof(Shape)], to_zeros[sizeof(Var)];
alignas(64) unsigned char negative[sizeof(Tensor)], negative_layout[sizeof(LayoutPtr::Layout)];

namespace {

[[gnu::noinline]] void garbage() {
  std::memset(odd_bytes, 0xA5, sizeof odd_bytes);
  std::memset(nine_axes, 9, sizeof nine_axes);
  const void* const zeros_at = zero_bytes;
  std::memcpy(to_zeros, &zeros_at, sizeof zeros_at);
  const Tensor alive = ones({3});
  std::memcpy(unreadable, static_cast<const void*>(&alive), sizeof alive);
  std::memset(unreadable, 0xA5, sizeof(void*));  // the pointer to its memory
  // A Tensor whose layout has the size -1: the first number of a Layout is its first size.
  std::memcpy(negative_layout, static_cast<const void*>(&alive.shape()), sizeof negative_layout);
  std::memset(negative_layout, 0xFF, sizeof(Index));
  const void* const layout_at = negative_layout;
  std::memcpy(negative, static_cast<const void*>(&alive), sizeof alive);
  std::memcpy(negative + 2 * sizeof(void*), &layout_at, sizeof layout_at);
  {
    const Tensor x = ones({1000});
    std::memcpy(destroyed, static_cast<const void*>(&x), sizeof x);
  }
  Tensor source = ones({2});
  const Tensor taken = std::move(source);
  const Tensor huge = taken.view({Index{1} << 40, Index{1} << 22}, {1 << 22, 1});
  const Tensor beyond = taken.view({2}, {1}, 1);
  const Tensor* const nowhere = nullptr;
  // source → Tensor <moved from, or not initialised>
  // huge → Tensor <not initialised, or destroyed>
  // beyond → Tensor <not initialised, or destroyed>
  // *(glass::Tensor*)negative → Tensor <not initialised, or destroyed>
  // nowhere → (const glass::Tensor * const) 0x0
  // *nowhere → Cannot access memory at address 0x0
  // *(glass::Tensor*)destroyed → Tensor <not initialised, or destroyed>
  // *(glass::Tensor*)zero_bytes → Tensor <moved from, or not initialised>
  // *(glass::Tensor*)odd_bytes → Tensor <Cannot access memory at address 0xa5a5…
  // *(glass::Tensor*)unreadable → Tensor <Cannot access memory at address 0xa5a5…
  // *(glass::Shape*)odd_bytes → Shape <not initialised, or destroyed>
  // *(glass::Shape*)nine_axes → Shape <not initialised, or destroyed>
  // *(glass::Var*)zero_bytes → Var <moved from, or not initialised>
  // *(glass::Var*)odd_bytes → Var <Cannot access memory at address 0xa5a5…
  // *(glass::Var*)to_zeros → Var <moved from, or not initialised>
  stop({&source, &alive, &taken, &huge, &beyond, &nowhere});
}

#ifdef GLASS_REAL_DUAL
[[gnu::noinline]] void dual_numbers() {
  const Dual x(3, 2), y(1.5, -0.25), z(4);
  const Tensor both({2}, {x, y});
  // x → 3+2eps
  // y → 1.5-0.25eps
  // z → 4
  // both → Tensor [2] {3+2eps, 1.5-0.25eps}
  stop({&x, &y, &z, &both});
}
#else
void dual_numbers() {}
#endif

}  // namespace

int main() {
  numbers();
  views();
  values();
  garbage();
  dual_numbers();
}
