// # How pictures are painted, and questions made and read
#include "examples/picture_query/world.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>

#include "tensor/error.h"
#include "tensor/ops.h"

namespace picture_query {

using glass::check;
using glass::Real;
using glass::ShapeError;

// ---- pictures ----

namespace {

double between(double low, double high, Rng& rng) { return low + (high - low) * rng.uniform(); }

int any_of(const auto& list, Rng& rng) { return static_cast<int>(rng.below(std::ssize(list))); }

// How far a point lies outside a form of radius r around 0, in pixels; negative inside. x goes to
// the right and y down.
double distance(int form, double x, double y, double r) {
  const double ax = std::abs(x), ay = std::abs(y);
  switch (form) {
    case 0:
      return std::hypot(x, y) - r;
    case 1:
      return std::max(ax, ay) - 0.9 * r;
    case 2:
      return std::max((2 * ax - (y + r)) / std::sqrt(5.0), y - r);
    default:
      return std::min(std::max(ax - r, ay - r / 3), std::max(ax - r / 3, ay - r));
  }
}

using Rgb = std::array<double, 3>;

constexpr std::array pure = {Rgb{0.9, 0.2, 0.2},   Rgb{0.2, 0.8, 0.2},   Rgb{0.2, 0.3, 0.95},
                             Rgb{0.95, 0.85, 0.2}, Rgb{0.9, 0.25, 0.85}, Rgb{0.2, 0.85, 0.9}};
static_assert(pure.size() == colours.size());

// Paints an object onto a patch. A pixel on the edge is mixed from both colours, by the share of it
// that the object covers.
void paint(Tensor& pixels, const Object& object, Index side, Rng& rng) {  // pixels [side, side, 3]
  // A random size, place and shade.
  const double half = static_cast<double>(side) / 2;
  const double r = half * (object.size == 0 ? 0.48 : 0.8) * between(0.92, 1.08, rng);
  const double room = half - r;  // so that the shape stays inside its patch
  const double x0 = half + between(-room, room, rng), y0 = half + between(-room, room, rng);
  Rgb ink = pure[static_cast<std::size_t>(object.colour)];
  for (double& part : ink) part = std::clamp(part + between(-0.12, 0.12, rng), 0.0, 1.0);

  // The pixels. `cover` is the share of a pixel that lies inside the form.
  for (Index y = 0; y < side; ++y)
    for (Index x = 0; x < side; ++x) {
      const double d = distance(object.form, static_cast<double>(x) + 0.5 - x0,
                                static_cast<double>(y) + 0.5 - y0, r);
      const double cover = std::clamp(0.5 - d, 0.0, 1.0);
      for (Index c = 0; c < 3; ++c) {
        Real& out = pixels(y, x, c);
        out += static_cast<Real>(cover * (ink[static_cast<std::size_t>(c)] - out));
      }
    }
}

bool alike(const Object& a, const Object& b) { return a.form == b.form && a.size == b.size; }

// An object of a random form and size that this half of the picture does not have yet; nothing if
// the half has them all.
std::optional<Object> unlike_others(const std::vector<Object>& others, int half, Rng& rng) {
  // All forms and sizes that are still free; one of them is chosen.
  std::vector<Object> open;
  for (int form = 0; form < std::ssize(forms); ++form)
    for (int size = 0; size < std::ssize(sizes); ++size) {
      const Object object{.form = form, .size = size, .half = half};
      if (std::ranges::none_of(others,
                               [&](const Object& o) { return o.half == half && alike(o, object); }))
        open.push_back(object);
    }
  if (open.empty()) return {};
  return open[static_cast<std::size_t>(rng.below(std::ssize(open)))];
}

void expect_sensible(const WorldOptions& o) {
  check<ShapeError>(o.grid >= 2 && o.grid <= 16 && o.grid % 2 == 0,
                    "draw_picture: the grid must be even, from 2 to 16; got {}", o.grid);
  check<ShapeError>(o.side >= 4 && o.side <= 64,
                    "draw_picture: a patch must have 4 to 64 pixels a side; got {}", o.side);
}

// Objects in random patches: 10 at most, and at most in half of the patches.
std::vector<Object> draw_objects(const WorldOptions& o, Rng& rng) {
  const Index P = o.grid * o.grid;
  const Index most = std::min<Index>(P / 2, 10), count = (most + 1) / 2 + rng.below(most / 2 + 1);
  std::vector<Index> patches(static_cast<std::size_t>(P));
  std::iota(patches.begin(), patches.end(), Index{0});
  std::vector<Object> objects;
  for (Index i = 0; i < count; ++i) {
    // A step of a shuffle (Fisher and Yates): patch i is one of those that were not taken yet.
    std::swap(patches[static_cast<std::size_t>(i)],
              patches[static_cast<std::size_t>(i + rng.below(P - i))]);
    const Index patch = patches[static_cast<std::size_t>(i)];
    const int half = patch % o.grid < o.grid / 2 ? 0 : 1;
    if (std::optional<Object> object = unlike_others(objects, half, rng)) {
      object->colour = any_of(colours, rng);
      object->patch = patch;
      objects.push_back(*object);
    }
  }
  return objects;
}

}  // namespace

Picture draw_picture(const WorldOptions& o, Rng& rng) {
  expect_sensible(o);
  Picture picture;
  picture.objects = draw_objects(o, rng);

  // The objects are painted on grey; then every pixel is blurred by noise.
  const Index P = o.grid * o.grid;
  const double grey = between(0.05, 0.35, rng);
  Tensor pixels = glass::full({P, o.side, o.side, 3}, static_cast<Real>(grey));
  for (const Object& object : picture.objects) {
    Tensor patch = pixels.select(0, object.patch);  // [side, side, 3]
    paint(patch, object, o.side, rng);
  }
  const Tensor noisy = pixels + normal(pixels.shape(), 0, o.noise, rng);  // [P, side, side, 3]
  picture.patches = noisy.reshape({P, -1});                               // [P, F]
  return picture;
}

// ---- questions ----

namespace {

// Questions; the name of an object takes the place of *: its size and form, and perhaps its half.
constexpr std::array<std::string_view, 4> templates = {
    "what colour is the *", "which colour has the *", "tell me the colour of the *",
    "the * is of what colour"};

// The words of a text, which spaces separate.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// The number of a word in the list; its length if it is not there.
int number_of(std::string_view word, const auto& list) {
  return static_cast<int>(std::ranges::find(list, word) - std::begin(list));
}

// The numbers of the words in the vocabulary. ShapeError if a word is not in it.
std::vector<int> numbered(std::string_view text) {
  std::vector<int> words;
  for (const std::string& word : split(text)) {
    words.push_back(number_of(word, vocabulary()));
    check<ShapeError>(words.back() < std::ssize(vocabulary()),
                      "question: \"{}\" is not among the words: {}", word,
                      fmt::join(std::span(vocabulary()).subspan(1), " "));
  }
  return words;
}

void add_if_new(std::vector<std::string>& words, std::string_view word) {
  if (std::ranges::find(words, word) == words.end()) words.emplace_back(word);
}

// All words of the templates and of the names. Word 0 fills up questions that are shorter than
// others.
std::vector<std::string> make_vocabulary() {
  std::vector<std::string> words = {"-", "on"};
  for (const auto text : templates)
    for (const std::string& word : split(text))
      if (word != "*") add_if_new(words, word);
  for (const auto word : sizes) add_if_new(words, word);
  for (const auto word : forms) add_if_new(words, word);
  for (const auto word : halves) add_if_new(words, word);
  return words;
}

}  // namespace

const std::vector<std::string>& vocabulary() {
  static const std::vector<std::string> words = make_vocabulary();
  return words;
}

Question draw_question(const Picture& picture, Rng& rng) {
  const Index chosen = rng.below(std::ssize(picture.objects));
  const Object& object = picture.objects[static_cast<std::size_t>(chosen)];
  const auto like =
      std::ranges::count_if(picture.objects, [&](const Object& o) { return alike(o, object); });
  // Its name: "small circle", or "small circle on the left".
  std::string name = fmt::format("{} {}", sizes[static_cast<std::size_t>(object.size)],
                                 forms[static_cast<std::size_t>(object.form)]);
  if (like > 1 || rng.below(4) == 0)
    name += fmt::format(" on the {}", halves[static_cast<std::size_t>(object.half)]);
  // The name takes the place of the * in a random template.
  std::string text(templates[static_cast<std::size_t>(any_of(templates, rng))]);
  text.replace(text.find('*'), 1, name);
  return {numbered(text), chosen};
}

namespace {

// The last word of the text that is in the list, as a number; −1 if there is none.
int last_named(std::string_view text, const auto& list) {
  int found = -1;
  for (const std::string& word : split(text))
    if (const int n = number_of(word, list); n < std::ssize(list)) found = n;
  return found;
}

// What a question says about an object. −1: it says nothing, so every object fits.
struct Wish {
  int form, size, half;
  bool fits(const Object& o) const {
    const auto agrees = [](int wish, int is) { return wish < 0 || wish == is; };
    return agrees(form, o.form) && agrees(size, o.size) && agrees(half, o.half);
  }
};

}  // namespace

Question read_question(const Picture& picture, std::string_view text) {
  // Look for the objects that the question may mean: there must be exactly one.
  Question question{numbered(text), -1};
  const Wish wish{last_named(text, forms), last_named(text, sizes), last_named(text, halves)};
  Index fitting = 0;
  for (Index i = 0; i < std::ssize(picture.objects); ++i)
    if (wish.fits(picture.objects[static_cast<std::size_t>(i)])) {
      question.object = i;
      ++fitting;
    }
  check<ShapeError>(fitting == 1, "question: \"{}\" fits {} of the picture's objects", text,
                    fitting);
  return question;
}

std::string text_of(const std::vector<int>& words) {
  std::vector<std::string_view> list;
  for (const int word : words)
    if (word != 0) list.push_back(vocabulary()[static_cast<std::size_t>(word)]);
  return fmt::format("{}", fmt::join(list, " "));
}

// ---- batches ----

Batch make_batch(std::vector<Picture> pictures, std::vector<Question> questions) {
  const Index B = std::ssize(pictures), count = std::ssize(questions), Q = count / B;
  Batch batch{std::move(pictures), std::move(questions), {}, {count, 0, {}}, {}, {}};
  std::vector<Tensor> patches;
  for (const Picture& picture : batch.pictures) patches.push_back(picture.patches);  // [P, F]
  batch.patches = glass::stack(patches, 0);                                          // [B, P, F]

  // The questions, as long as the longest of them.
  for (const Question& question : batch.questions)
    batch.words.length = std::max(batch.words.length, Index{std::ssize(question.words)});
  for (Index i = 0; i < count; ++i) {
    const Question& question = batch.questions[static_cast<std::size_t>(i)];
    auto& ids = batch.words.ids;
    ids.insert(ids.end(), question.words.begin(), question.words.end());
    ids.resize(static_cast<std::size_t>((i + 1) * batch.words.length), 0);
    // The right answer. Each picture has Q questions.
    const Picture& picture = batch.pictures[static_cast<std::size_t>(i / Q)];
    const Object& object = picture.objects[static_cast<std::size_t>(question.object)];
    batch.answers.push_back(object.colour);
    batch.named.push_back(static_cast<int>(object.patch));
  }
  return batch;
}

Batch draw_batch(const WorldOptions& o, Index pictures, Index questions, Rng& rng) {
  std::vector<Picture> drawn;
  std::vector<Question> asked;
  for (Index b = 0; b < pictures; ++b) {
    drawn.push_back(draw_picture(o, rng));
    for (Index q = 0; q < questions; ++q) asked.push_back(draw_question(drawn.back(), rng));
  }
  return make_batch(std::move(drawn), std::move(asked));
}

}  // namespace picture_query
