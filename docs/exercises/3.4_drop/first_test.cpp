// # Exercise 3.4: is every node destroyed, without recursion?
#include <memory>
#include <thread>

#include "autograd/ops.h"
#include "tests/catch.h"

using namespace glass;

namespace {

// A graph of `length` additions, which dies when this function ends.
void make_and_drop(int length) {
  const Var x(ones({10}), true);
  Var y = x;
  for (int i = 0; i < length; ++i) y = y + x;
}

}  // namespace

TEST_CASE("a graph gives its memory back when its last handle is gone") {
  const Index before = live_bytes();
  make_and_drop(3);
  INFO(fmt::format("a graph of three additions was dropped: {} bytes are still in use",
                   live_bytes() - before));
  CHECK(live_bytes() == before);
}

TEST_CASE("a second graph gives its memory back too") {
  const Index before = live_bytes();
  make_and_drop(3);
  const Index first = live_bytes() - before;
  make_and_drop(3);
  INFO(fmt::format(
      "two graphs were dropped, one after the other: after the first {} bytes are still in use, "
      "after the second {}",
      first, live_bytes() - before));
  CHECK(live_bytes() == before);
}

TEST_CASE("a graph is destroyed by its own thread, also while another thread destroys one") {
  Index left = -1;
  // The last copy of `last` dies with the node that holds it. In that moment, in the middle of the
  // destruction of a graph, another thread drops a graph of its own.
  auto last = std::shared_ptr<int>(new int, [&left](int* number) {
    delete number;
    std::thread([&left] {
      const Index before = live_bytes();
      make_and_drop(3);
      left = live_bytes() - before;
    }).join();
  });
  {
    const Var x(ones({10}), true);
    const Var y = record("holds", x.value(), {{x, [last](const Tensor& g) { return g; }}});
    last.reset();
  }
  const std::string message =
      left < 0 ? "a graph was dropped, and was not destroyed"
               : fmt::format(
                     "while this thread destroys a graph, another thread drops one of its "
                     "own: {} bytes of it are still in use afterwards",
                     left);
  INFO(message);
  CHECK(left == 0);
}
