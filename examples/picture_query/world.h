// # A world of coloured shapes, and questions about it
//
// A picture is a grid of patches, some of which hold one shape: a circle, a square, a triangle or a
// cross, small or large, in one of six colours. The place in the patch, the exact size, the shade
// and the grey background vary, and every pixel is noisy. A question names one shape by its size
// and form, if needed also by its half of the picture, and asks for its colour.
//
// The model gets pixels and the numbers of words, nothing else. No list of the shapes in a picture
// is ever given to it.
//
// B pictures, Q questions to each, L words of the longest question, P patches, F numbers of a patch
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/random.h"

namespace picture_query {

using glass::Index;
using glass::Rng;
using glass::Tensor;

inline constexpr std::array<std::string_view, 4> forms = {"circle", "square", "triangle", "cross"};
inline constexpr std::array<std::string_view, 2> sizes = {"small", "large"};
inline constexpr std::array<std::string_view, 2> halves = {"left", "right"};
inline constexpr std::array<std::string_view, 6> colours = {"red",    "green",   "blue",
                                                            "yellow", "magenta", "cyan"};

struct WorldOptions {
  Index grid = 4;       // patches along each side of the picture; even, so that it has halves
  Index side = 10;      // pixels along each side of a patch
  double noise = 0.05;  // standard deviation of a pixel's red, green and blue, which are 0 to 1
};

// ---- pictures ----

// A shape in the picture. form, size, colour and half are indices into the lists above.
struct Object {
  int form = 0, size = 0, colour = 0, half = 0;
  Index patch = 0;  // row by row
};

struct Picture {
  std::vector<Object> objects;
  Tensor patches;  // [P, F]: F = side · side · 3, pixels row by row, each red, green, blue
};

// A random picture. No half of it has two objects of the same form and size. ShapeError unless the
// options make sense: an even grid of 2 to 16, 4 to 64 pixels, noise ≥ 0.
Picture draw_picture(const WorldOptions& o, Rng& rng);

// ---- questions ----

// The words that questions are made of. The first word is padding: it fills up short questions.
const std::vector<std::string>& vocabulary();

struct Question {
  std::vector<int> words;
  Index object = 0;  // which of the picture's objects it is about
};

// A question about a random object. It names the object's half if the other half has an object of
// the same form and size, and sometimes if not.
Question draw_question(const Picture& picture, Rng& rng);

// A question that somebody typed. Its words must be in the vocabulary, and name exactly one of the
// picture's objects; otherwise it throws a ShapeError with the reason.
Question read_question(const Picture& picture, std::string_view text);

// The words as text, with spaces between them.
std::string text_of(const std::vector<int>& words);

// ---- batches ----

struct Batch {
  std::vector<Picture> pictures;
  std::vector<Question> questions;  // B · Q, those of the first picture first
  Tensor patches;                   // [B, P, F]
  glass::Tokens words;              // [B · Q, L], filled up with word 0
  std::vector<int> answers;         // the colour: B · Q
  std::vector<int> named;           // the patch of the object: B · Q
};

Batch make_batch(std::vector<Picture> pictures, std::vector<Question> questions);
Batch draw_batch(const WorldOptions& o, Index pictures, Index questions, Rng& rng);

}  // namespace picture_query
