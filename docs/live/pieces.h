// # The live pieces of the course: what the library answers
//
// A piece is a function from JSON to JSON over the public headers. Today record.cpp writes down
// what it answers to every request that the piece's controls can make, and the page looks the
// answer up. The functions know nothing of pages, so they can also run in one.
//
// Every answer has a "sentence" that says the result in words. An error of the library is an
// answer too: its message stands in "error".
#pragma once

#include <glassgrad.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace live {

using Json = nlohmann::json;
using glass::Index;
using glass::Tensor;
using glass::Var;

// ---- the pieces ----

struct Piece {
  std::string_view name, title;
  Json (*answer)(const Json& request);
  Json first;                  // the request that a page begins with
  Json controls;               // what a reader may choose
  std::vector<Json> requests;  // all that the controls can ask
};

Piece scalar_graph();
Piece sweep();
Piece attention();
inline std::vector<Piece> pieces() { return {scalar_graph(), sweep(), attention()}; }

// {"title": …, "first": {"request": …, "answer": …, "controls": …}, "states": [{"request": …,
// "answer": …}, …]}
Json recorded(const Piece& piece);

// ---- numbers and words ----

// Rounded to some significant digits; a string where JSON has no number: "NaN", "∞", "−∞".
Json number(double value, int digits = 5);
Json numbers(const Tensor& x, int digits = 5);  // nested rows, as the tensor's axes are
Tensor tensor_of(const Json& rows);             // of numbers, or of one row of numbers

// Three significant digits, with a true minus sign.
std::string three(double value);
std::string listed(const std::vector<std::string>& items);  // "a, b and c"

// The answer of f; if the library refuses, its error.
Json guarded(const std::function<Json()>& f);

}  // namespace live
