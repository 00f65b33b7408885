// # The world of picture_query is what it says, and can be learnt
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "examples/common/training.h"
#include "examples/picture_query/view.h"
#include "nn/loss.h"
#include "tests/catch.h"
#include "tests/threads.h"

namespace examples_picture_query_test {

using namespace picture_query;
using Catch::Matchers::ContainsSubstring;
using glass::Shape;
using glass::ShapeError;

namespace {

constexpr WorldOptions clean = {.grid = 4, .side = 8, .noise = 0};

std::vector<Picture> some(int count, const WorldOptions& o = clean, std::uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<Picture> pictures;
  for (int i = 0; i < count; ++i) pictures.push_back(draw_picture(o, rng));
  return pictures;
}

bool same_name(const Object& a, const Object& b) { return a.form == b.form && a.size == b.size; }

const Object& object_of(const Picture& picture, const Question& question) {
  return picture.objects[static_cast<std::size_t>(question.object)];
}

// The colour of the pixel that is the least grey, as the world's number for it.
int strongest_colour(const Tensor& patch) {
  double most = 0;
  std::string code;
  for (Index i = 0; i < patch.numel(); i += 3) {
    double part[3], low = 2, high = -1;
    for (Index c = 0; c < 3; ++c) {
      part[c] = static_cast<double>(patch(i + c));
      low = std::min(low, part[c]), high = std::max(high, part[c]);
    }
    if (high - low <= most) continue;
    most = high - low;
    code.clear();
    for (const double p : part) code += p > (low + high) / 2 ? '1' : '0';
  }
  const std::vector<std::string> codes = {"100", "010", "001", "110", "101", "011"};
  return static_cast<int>(std::ranges::find(codes, code) - codes.begin());
}

// Two objects with the same name in different halves, and one that stands alone.
Picture twins() {
  Picture picture{{{.form = 0, .size = 0, .colour = 1, .half = 0, .patch = 0},
                   {.form = 0, .size = 0, .colour = 2, .half = 1, .patch = 3},
                   {.form = 1, .size = 1, .colour = 3, .half = 1, .patch = 7}},
                  glass::zeros(Shape{16, 192})};
  return picture;
}

}  // namespace

TEST_CASE("every object has a patch of its own, in its half, and a name of its own there") {
  for (const Index grid : {2, 4, 6, 16}) {
    std::set<Index> used_patches;
    for (const Picture& picture : some(100, {.grid = grid, .side = 4, .noise = 0})) {
      std::set<Index> patches;
      CHECK(!picture.objects.empty());
      CHECK(std::ssize(picture.objects) <= grid * grid / 2);
      for (const Object& o : picture.objects) {
        patches.insert(o.patch);
        used_patches.insert(o.patch);
        CHECK(o.half == (o.patch % grid < grid / 2 ? 0 : 1));
        CHECK(std::ranges::count_if(picture.objects, [&](const Object& other) {
                return other.half == o.half && same_name(other, o);
              }) == 1);
      }
      CHECK(patches.size() == picture.objects.size());
    }
    CHECK(std::ssize(used_patches) > grid * grid * 3 / 4);
  }
}

TEST_CASE("a patch shows the colour of its object, and one without object is plain grey") {
  for (const Picture& picture : some(200)) {
    REQUIRE(picture.patches.shape() == Shape{16, 8 * 8 * 3});
    std::set<Index> empty;
    for (Index p = 0; p < 16; ++p) empty.insert(p);
    for (const Object& o : picture.objects) {
      empty.erase(o.patch);
      INFO(colours[static_cast<std::size_t>(o.colour)] << " "
                                                       << forms[static_cast<std::size_t>(o.form)]);
      CHECK(strongest_colour(picture.patches.select(0, o.patch)) == o.colour);
    }
    const glass::Real grey = picture.patches(*empty.begin(), 0);
    for (const Index p : empty) CHECK(allclose(picture.patches.select(0, p), grey));
  }
}

TEST_CASE("a large object covers more of its patch than a small one of its form") {
  std::vector<double> least(forms.size(), 1e9), most(forms.size(), 0);
  for (const Picture& picture : some(200)) {
    const auto free = [&](Index p) {
      return std::ranges::none_of(picture.objects, [&](const Object& o) { return o.patch == p; });
    };
    Index plain = 0;
    while (!free(plain)) ++plain;
    const glass::Real grey = picture.patches(plain, 0);
    for (const Object& o : picture.objects) {
      double covered = 0;
      for (Index i = 0; i < 192; i += 3) {
        double away = 0;
        for (Index c = 0; c < 3; ++c)
          away += std::abs(static_cast<double>(picture.patches(o.patch, i + c) - grey));
        covered += away > 0.1;
      }
      auto& bound = o.size == 1 ? least : most;
      double& b = bound[static_cast<std::size_t>(o.form)];
      b = o.size == 1 ? std::min(b, covered) : std::max(b, covered);
    }
  }
  for (std::size_t form = 0; form < forms.size(); ++form) {
    INFO(forms[form]);
    CHECK(least[form] > most[form]);
  }
}

TEST_CASE("the same object is never drawn twice alike") {
  std::set<float> shades;
  int objects = 0;
  for (const Picture& picture : some(50))
    for (const Object& o : picture.objects) {
      shades.insert(static_cast<float>(sum(picture.patches.select(0, o.patch)).item()));
      ++objects;
    }
  CHECK(std::ssize(shades) == objects);
}

TEST_CASE("the same seed draws the same pictures and questions") {
  const auto batch = [](std::uint64_t seed) {
    Rng rng(seed);
    return draw_batch({}, 5, 3, rng);
  };
  const Batch a = batch(3), b = batch(3), c = batch(4);
  CHECK(a.patches.to_vector() == b.patches.to_vector());
  CHECK(a.words.ids == b.words.ids);
  CHECK(a.answers == b.answers);
  CHECK(a.patches.to_vector() != c.patches.to_vector());
}

TEST_CASE("a question fits the object that it is about, and no other") {
  Rng rng(5);
  int with_half = 0, without = 0;
  for (const Picture& picture : some(300))
    for (int i = 0; i < 4; ++i) {
      const Question question = draw_question(picture, rng);
      const std::string text = text_of(question.words);
      INFO(text);
      CHECK(read_question(picture, text).object == question.object);
      CHECK(read_question(picture, text).words == question.words);
      const Object& named = object_of(picture, question);
      CHECK(text.find(sizes[static_cast<std::size_t>(named.size)]) != std::string::npos);
      CHECK(text.find(forms[static_cast<std::size_t>(named.form)]) != std::string::npos);
      CHECK(std::ranges::none_of(colours, [&](auto colour) {
        return text.find(" " + std::string(colour)) != std::string::npos;
      }));
      ++(text.find(" on the ") == std::string::npos ? without : with_half);
    }
  CHECK(with_half > 100);
  CHECK(without > 100);
}

TEST_CASE("the half is named where another half has the like") {
  Rng rng(6);
  const Picture picture = twins();
  for (int i = 0; i < 100; ++i) {
    const Question question = draw_question(picture, rng);
    if (question.object == 2) continue;
    const std::string half(halves[static_cast<std::size_t>(object_of(picture, question).half)]);
    CHECK(text_of(question.words).find("on the " + half) != std::string::npos);
  }
}

TEST_CASE("a question of one's own is read, or refused with the reason") {
  const Picture picture = twins();
  CHECK(read_question(picture, "what colour is the small circle on the right").object == 1);
  CHECK(read_question(picture, "the square").object == 2);
  CHECK_THROWS_WITH(read_question(picture, "what colour is the small circle"),
                    ContainsSubstring("fits 2 of the picture's objects"));
  CHECK_THROWS_WITH(read_question(picture, "what colour is the cross"),
                    ContainsSubstring("fits 0"));
  CHECK_THROWS_WITH(read_question(picture, "what colour is the dog"),
                    ContainsSubstring("\"dog\" is not among the words: on what colour"));
  CHECK_THROWS_AS(read_question(picture, ""), ShapeError);
}

TEST_CASE("a world that cannot be is refused") {
  Rng rng(7);
  CHECK_THROWS_WITH(draw_picture({.grid = 3}, rng), ContainsSubstring("must be even"));
  CHECK_THROWS_AS(draw_picture({.grid = 18}, rng), ShapeError);
  CHECK_THROWS_AS(draw_picture({.side = 2}, rng), ShapeError);
}

TEST_CASE("a batch keeps the books: which picture, which patch, which answer") {
  Rng rng(8);
  const Batch batch = draw_batch(clean, 6, 3, rng);
  REQUIRE(batch.patches.shape() == Shape{6, 16, 192});
  REQUIRE(batch.words.batch == 18);
  REQUIRE(batch.words.ids.size() == static_cast<std::size_t>(18 * batch.words.length));
  for (Index i = 0; i < 18; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Object& o = object_of(batch.pictures[at / 3], batch.questions[at]);
    CHECK(batch.answers[at] == o.colour);
    CHECK(batch.named[at] == o.patch);
    CHECK(strongest_colour(batch.patches.select(0, i / 3).select(0, batch.named[at])) ==
          batch.answers[at]);
    const auto begin = batch.words.ids.begin() + i * batch.words.length;
    CHECK(text_of({begin, begin + batch.words.length}) == text_of(batch.questions[at].words));
  }
}

TEST_CASE("a seer gives logits for each question, and tells where each head looked") {
  Rng rng(9);
  const Seer seer(clean, {.dim = 12, .key_dim = 20, .hidden = 16, .heads = 3}, rng);
  const Batch batch = draw_batch(clean, 5, 2, rng);
  Tensor weights;
  const Var logits = seer(batch.patches, batch.words, &weights);
  CHECK(logits.shape() == Shape{5, 2, 6});
  CHECK(weights.shape() == Shape{5, 3, 2, 16});
  CHECK(allclose(seer(batch.patches, batch.words).value(), logits.value(), 1e-4, 1e-5));
}

TEST_CASE("filling words up changes no answer") {
  Rng rng(10);
  const Seer seer(clean, {}, rng);
  const Batch batch = draw_batch(clean, 1, 1, rng);
  glass::Tokens longer = batch.words;
  longer.ids.resize(longer.ids.size() + 3, 0), longer.length += 3;
  // But for rounding: sums of more numbers are formed in another order.
  CHECK(allclose(seer(batch.patches, longer).value(), seer(batch.patches, batch.words).value(),
                 1e-5, 1e-5));
}

namespace {

constexpr WorldOptions tiny = {.grid = 2, .side = 6, .noise = 0.02};

Seer trained(Index steps) {
  Rng rng(11);
  Seer seer(tiny, {.dim = 16, .key_dim = 24, .hidden = 48, .heads = 2}, rng);
  examples::train(seer, {.steps = steps, .rate = 0.01, .warmup = 20, .metrics = {}}, [&] {
    const Batch batch = draw_batch(tiny, 32, 2, rng);
    return glass::nn::cross_entropy(seer(batch.patches, batch.words), batch.answers);
  });
  return seer;
}

}  // namespace

TEST_CASE("a short training answers much better than chance, and looks where it should") {
  const Seer seer = trained(300);
  const Marks marks = mark(seer, tiny, 200, Rng(99));
  CHECK(marks.questions == 800);
  CHECK(marks.accuracy > 0.6);  // chance is 1/6
  CHECK(marks.attended > 0.6);  // chance is 1/4
  CHECK(marks.weight > 0.4);

  const Picture picture = some(1, tiny)[0];
  Rng rng(12);
  const View view = look_at(seer, picture, draw_question(picture, rng));
  CHECK(view.attention.size() == 4);
  double total = 0;
  for (const double w : view.attention) total += w;
  CHECK(total == Approx(1).margin(1e-4));
}

TEST_CASE("picture_query learns the same bits on one thread and on three") {
  const auto numbers = [](int threads) {
    const glass::oracle::Threads set(threads);
    std::vector<glass::Real> all;
    for (const Var& p : glass::nn::parameters(trained(10)))
      for (const glass::Real x : p.value().to_vector()) all.push_back(x);
    return all;
  };
  CHECK(numbers(1) == numbers(3));
}

TEST_CASE("a view is drawn in colours, in letters and for a browser") {
  View view{twins(), {{}, 1}, 2, std::vector<double>(16, 0.0)};
  view.attention[3] = 0.97, view.attention[0] = 0.03;
  const std::string letters = draw(view, false);
  CHECK_THAT(letters, ContainsSubstring("✓") && ContainsSubstring("blue, 97 %"));
  CHECK_THAT(letters, ContainsSubstring("•g  ·   ·   •b   │ "));
  CHECK_THAT(letters, ContainsSubstring("██ 97"));
  CHECK(letters.find('\033') == std::string::npos);

  const std::string painted = draw(view, true);
  CHECK_THAT(painted, ContainsSubstring("▀") && ContainsSubstring("97"));
  CHECK(std::ranges::count(painted, '\n') == 2 + 4 * 4);

  view.answer = 0;
  CHECK_THAT(draw(view, false), ContainsSubstring("✗") && ContainsSubstring("red (blue expected)"));
  const std::string svg = to_svg({&view, 1});
  CHECK_THAT(svg, ContainsSubstring("<svg ") && ContainsSubstring("</svg>"));
  CHECK(svg.find("http", svg.find("2000/svg")) == std::string::npos);
}

}  // namespace examples_picture_query_test
