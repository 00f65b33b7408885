#include "nn/summary.h"

#include <sstream>

#include "nn/linear.h"
#include "nn/transfer.h"
#include "tests/op_table.h"

namespace summary_test {

using namespace glass;
using namespace glass::oracle;

namespace {

struct Model {
  explicit Model(Rng rng) : up(1024, 2048, rng), down(2, 3, rng) {
    down.bias = down.bias.detach();
    head = Var(up.weight);
    last = Var(up.weight);
  }
  void each(auto&& f) {
    f("up", up), f("statistics", statistics), f("down", down), f("head", head), f("last", last);
    f("stream", stream), f("steps", steps);
  }
  nn::Linear up, down;
  nn::Parameter head, last;
  Tensor statistics = zeros({7});
  Rng stream{1};
  Index steps = 0;
};

struct Pair {
  nn::Parameter a, b;
  void each(auto&& f) { f("ähnlich", a), f("b", b); }
};

struct Nothing {
  void each(auto&&) {}
};

// "8,422,452", of the numbers of this build.
std::string bytes_of(Index numbers) {
  std::string text = std::to_string(numbers * Index{sizeof(Real)});
  for (std::size_t end = text.size(); end > 3;) text.insert(end -= 3, ",");
  return text;
}

}  // namespace

TEST_CASE("a summary is a table of names, shapes and counts, with its totals") {
  Model model{Rng(1)};
  nn::freeze(model.up.bias);
  nn::freeze(model.down.weight);
  const std::string expected =
      "name         shape             count\n"
      "up.weight    [2048, 1024]  2,097,152  also head, last\n"
      "up.bias      [2048]            2,048  frozen\n"
      "down.weight  [3, 2]                6  frozen\n"
      "down.bias    [3]                   3  constant\n"
      "statistics   [7]                   7  buffer\n"
      "2,097,152 trained, 2,054 frozen, 10 others; " +
      bytes_of(2'097'152 + 2'054 + 10) + " bytes";
  CHECK(fmt::format("{}", nn::summary(model)) == expected);
  std::ostringstream out;
  out << nn::summary(model);
  CHECK(out.str() == expected);
  CHECK(nn::summary(model).text() == expected);
}

TEST_CASE("a summary of a tied frozen parameter says both, and others are not mentioned") {
  Pair pair{nn::Parameter(ones({1000})), nn::Parameter()};
  pair.b = Var(pair.a);
  nn::freeze(pair);
  CHECK(nn::summary(pair).text() ==
        "name     shape   count\n"
        "ähnlich  [1000]  1,000  frozen, also b\n"
        "0 trained, 1,000 frozen; " +
            bytes_of(1000) + " bytes");
}

TEST_CASE("a summary of nothing has its heading and its totals") {
  CHECK(nn::summary(Nothing{}).text() == "name  shape  count\n0 trained, 0 frozen; 0 bytes");
  CHECK(nn::summary(nn::Parameter(ones({2, 3}))).rows.size() == 1);
}

TEST_CASE("the numbers of a summary can be read without its text") {
  const nn::Summary summary = nn::summary(Model{Rng(1)});
  CHECK(summary.rows.size() == 5);
  CHECK(summary.rows[0].name == "up.weight");
  CHECK(summary.rows[0].shape == Shape{2048, 1024});
  CHECK(summary.trained == 2'097'152 + 2048 + 6);
  CHECK(summary.others == 10);
  CHECK(summary.bytes == (2'097'152 + 2048 + 6 + 10) * Index{sizeof(Real)});
}

}  // namespace summary_test
