// # What was asked, and where the layer looked
#pragma once

#include <span>
#include <string>

#include "examples/picture_query/seer.h"

namespace picture_query {

// One question about one picture, answered.
struct View {
  Picture picture;
  Question question;
  int answer = 0;                 // the likeliest colour
  std::vector<double> attention;  // on each patch, the mean of heads: P

  const Object& object() const {
    return picture.objects[static_cast<std::size_t>(question.object)];
  }
  double on_the_object() const { return attention[static_cast<std::size_t>(object().patch)]; }
};

View look_at(const Seer& model, const Picture& picture, const Question& question);

// For the terminal, the picture and the attention side by side. With colours a character is two
// pixels; without, each patch is a sign for its form, its size and the first letter of its colour.
std::string draw(const View& view, bool coloured);

// The same for a browser: one SVG picture of all views.
std::string to_svg(std::span<const View> views);

}  // namespace picture_query
