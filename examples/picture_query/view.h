// # A question, its answer, and the attention to the picture
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

// The picture and the attention side by side, for the terminal. With colours each character shows
// two pixels. Without colours each patch is a sign for the form and size of its object, and the
// first letter of the object's colour.
std::string draw(const View& view, bool coloured);

// All views as one SVG picture, for a browser.
std::string to_svg(std::span<const View> views);

}  // namespace picture_query
