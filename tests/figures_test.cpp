// Tests of the drawing kit of the course's figures.
#include <limits>

#include "docs/figures/kit.h"
#include "tests/catch.h"

namespace figures_test {

using namespace figures;
using Catch::Matchers::ContainsSubstring;
using glass::StateError;

namespace {

Figure blank() { return {200, 100, "A title", "What is drawn."}; }

}  // namespace

TEST_CASE("what leaves the picture, is NaN or too small is an error that says where") {
  Figure figure = blank();
  CHECK_THROWS_WITH(figure.segment({0, 0}, {201, 50}), ContainsSubstring("a line at 201.0, 50.0"));
  CHECK_THROWS_AS(figure.circle({5, 50}, 8), StateError);
  CHECK_THROWS_AS(figure.rectangle({150, 10, 60, 10}), StateError);
  CHECK_THROWS_AS(figure.segment({std::nan(""), 0}, {1, 1}), StateError);
  CHECK_THROWS_AS(figure.arrow({10, 10}, {190, 10}, {.bend = 30}), StateError);
  CHECK_THROWS_WITH(figure.text({100, 50}, "thirty letters do not fit in here"),
                    ContainsSubstring("thirty letters"));
  CHECK_THROWS_WITH(figure.text({100, 50}, "small", {.size = 11}),
                    ContainsSubstring("at least 13"));
  CHECK_THROWS_AS(Figure(681, 100, "wide", "too wide"), StateError);
  CHECK_THROWS_AS(Figure(100, 100, "no description", ""), StateError);
  // Nothing was drawn.
  CHECK(figure.svg("x").find("<polyline") == std::string::npos);
}

TEST_CASE("a figure has a title, a description, and ids that begin with its name") {
  Figure figure = blank();
  figure.text({100, 50}, "a < b & c");
  const std::string svg = figure.svg("chapter-0/graph");
  CHECK_THAT(svg, ContainsSubstring("viewBox=\"0 0 200 100\""));
  CHECK_THAT(svg, ContainsSubstring("<title id=\"chapter-0-graph-title\">A title</title>"));
  CHECK_THAT(svg,
             ContainsSubstring("aria-labelledby=\"chapter-0-graph-title chapter-0-graph-desc\""));
  CHECK_THAT(svg, ContainsSubstring(">a &lt; b &amp; c</text>"));
  CHECK_THAT(svg, ContainsSubstring("--f-ink: var(--ink, light-dark(#20242b, #ece9e2))"));
}

TEST_CASE("the table of a figure is JSON, and its rows have a number for each column") {
  Figure figure = blank();
  CHECK(figure.table().empty());
  figure.numbers({"n", "name"}, {{1, "one"}, {0.123456789, "two"}});
  CHECK_THAT(figure.table(), ContainsSubstring("0.123457"));
  CHECK_THROWS_AS(figure.numbers({"n"}, {{1, 2}}), StateError);
  figure.numbers({"n"}, {{std::numeric_limits<double>::infinity()}});
  CHECK_THROWS_AS(figure.table(), StateError);
}

TEST_CASE("numbers have three digits, a true minus sign, and commas from a thousand on") {
  CHECK(three(0.63797) == "0.638");
  CHECK(three(-1.5) == "−1.5");
  CHECK(three(1'000'000) == "1,000,000");
  CHECK(three(-16'777'216) == "−16,777,216");
  CHECK(three(2.2e-11) == "2.2·10⁻¹¹");
  CHECK(three(-1e-5) == "−10⁻⁵");
  CHECK(three(0.00012) == "0.00012");
  CHECK(three(std::nan("")) == "NaN");
}

TEST_CASE("an axis places its ends, and refuses a logarithm of 0") {
  const Axis linear{.from = 2, .to = 6}, decades{.from = 1, .to = 1000, .log = true};
  CHECK(linear.share(3) == 0.25);
  CHECK(decades.share(10) == Approx(1.0 / 3));
  CHECK_THROWS_AS(decades.share(0), StateError);
}

TEST_CASE("a heat map shows numbers in fewer than 60 cells, and refuses what lies beyond its end") {
  Figure figure(600, 400, "A map", "Weights.");
  heat_map(figure, {10, 10}, glass::tensor({{0.25, 0.75}}), 1);
  CHECK_THAT(figure.svg("x"), ContainsSubstring(">0.75</text>"));
  heat_map(figure, {10, 100}, glass::full({8, 8}, 0.5), 1, {.width = 20, .height = 20});
  CHECK(figure.svg("x").find(">0.5</text>") == std::string::npos);
  CHECK_THROWS_AS(heat_map(figure, {10, 10}, glass::tensor({{1.5}}), 1), StateError);
}

TEST_CASE("a graph has a node for each value and an arrow for each use") {
  Figure figure(400, 300, "A graph", "a is used twice.");
  const std::vector<Point> middles =
      graph(figure, {10, 20, 380, 200},
            {{.name = "a"}, {.name = "b", .parents = {0, 0}, .payments = {"1", ""}}});
  CHECK(middles.size() == 2);
  CHECK(middles[0].x < middles[1].x);
  const std::string svg = figure.svg("x");
  const auto count = [&](const std::string& part) {
    int times = 0;
    for (auto at = svg.find(part); at != std::string::npos; at = svg.find(part, at + 1)) ++times;
    return times;
  };
  CHECK(count("<rect") == 2);
  CHECK(count("<path") == 3);  // two uses, and one payment
  CHECK(count("stroke-dasharray") == 1);
}

}  // namespace figures_test
