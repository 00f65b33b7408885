// # Private headers, in cases where an error would not show in any result
//
// Compiled as the libraries are, since the private headers hold vectors of the CPU's width.
#include <cstring>

#include "tensor/loops.h"
#include "tests/catch.h"

namespace private_test {

using namespace glass;

TEST_CASE("a walk over a single element has steps of 0, whatever was in its memory before") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1, 1}}) {
    alignas(Walk<2>) std::array<std::byte, sizeof(Walk<2>)> memory;
    std::memset(memory.data(), 0xFF, sizeof memory);
    const auto* walk = ::new (memory.data()) Walk<2>(shape, {Strides{}, Strides{}});
    int rows = 0;
    walk->run([&](const auto& at, Index count, const auto& step) {
      ++rows;
      CHECK(count == 1);
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(at[i] == 0);
        CHECK(step[i] == 0);
      }
    });
    CHECK(rows == 1);
  }
}

}  // namespace private_test
