// # Exercise 6.4: is the context right, whatever the blocks are?
#include <cmath>
#include <functional>
#include <limits>

#include "tensor/ops.h"
#include "tests/catch.h"

using namespace glass;

struct Block {
  Tensor keys;     // [n, D]
  Tensor values;   // [n, E]
  Tensor allowed;  // [T, n]; 0 blocks
};
using Read = std::function<Block(Index begin, Index end)>;

#include "student.h"

namespace {

const double infinity = std::numeric_limits<double>::infinity();

struct Inputs {
  Tensor queries, keys, values, allowed;
};

Inputs some(Index queries, Index keys, double size = 1) {
  Rng rng(7);
  const Tensor allowed = greater(uniform({queries, keys}, -1, 3, rng), 0);
  return {uniform({queries, 4}, -size, size, rng), uniform({keys, 4}, -size, size, rng),
          uniform({keys, 3}, -1, 1, rng), allowed};
}

Tensor in_blocks(const Inputs& in, Index block) {
  return attention_in_blocks(in.queries, in.keys.size(0), block, [&](Index begin, Index end) {
    return Block{in.keys.slice(0, begin, end), in.values.slice(0, begin, end),
                 in.allowed.slice(1, begin, end)};
  });
}

// The equation, with all scores at once.
Tensor plain(const Inputs& in) {
  const Tensor scores = matmul(in.queries, in.keys.mT()) / std::sqrt(4.0);
  return matmul(softmax(where(in.allowed, scores, -infinity)), in.values);
}

// Compares the two, and says at which query they differ.
void compare(const Inputs& in, Index block, const char* what) {
  const Tensor expected = plain(in), got = in_blocks(in, block);
  {
    INFO(fmt::format("{}: the context must have the shape {}, got {}", what, expected.shape(),
                     got.shape()));
    REQUIRE(got.shape() == expected.shape());
  }
  for (Index t = 0; t < expected.size(0); ++t) {
    INFO(fmt::format("{}, blocks of {} keys: the context of query {} must be {:.4f}, got {:.4f}",
                     what, block, t, expected.select(0, t), got.select(0, t)));
    REQUIRE(allclose(got.select(0, t), expected.select(0, t), 1e-9, 1e-12));
  }
}

}  // namespace

TEST_CASE("one block of all keys gives the context") {
  compare(some(5, 7), 7, "5 queries, 7 keys");
}

TEST_CASE("any size of the blocks gives the same context") {
  for (const Index block : {1, 2, 3, 5, 12, 20}) compare(some(5, 12), block, "5 queries, 12 keys");
  compare(some(5, 12, 30), 3, "scores of some hundreds");
}

TEST_CASE("a query may see nothing of the first block") {
  Inputs in = some(4, 9);
  in.allowed.fill(1);
  in.allowed.select(0, 2).slice(0, 0, 3).fill(0);
  compare(in, 3, "4 queries, 9 keys; query 2 sees none of the first three keys");
}

TEST_CASE("a query that sees no key gets the context 0") {
  Inputs in = some(4, 9);
  in.allowed.select(0, 1).fill(0);
  compare(in, 3, "4 queries, 9 keys; query 1 sees none of them");
}

TEST_CASE("scores of earlier blocks are not kept") {
  const Inputs in = some(64, 1024);
  std::vector<Index> bytes;
  (void)attention_in_blocks(in.queries, 1024, 16, [&](Index begin, Index end) {
    bytes.push_back(live_bytes());
    return Block{in.keys.slice(0, begin, end), in.values.slice(0, begin, end),
                 in.allowed.slice(1, begin, end)};
  });
  INFO(fmt::format("1024 keys in blocks of 16: read() must be called 64 times, was called {} times",
                   bytes.size()));
  REQUIRE(bytes.size() == 64);
  const Index one_block = 64 * 16 * Index{sizeof(Real)};
  INFO(
      fmt::format("a block of scores takes {} bytes. From the third block to the last one, the "
                  "memory in use has "
                  "grown by {} bytes",
                  one_block, bytes.back() - bytes[2]));
  CHECK(bytes.back() - bytes[2] < 2 * one_block);
}
