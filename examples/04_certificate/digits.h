// # How many digits of a float are right
//
// An enclosure holds the true gradient. The error of float's number is at most its largest distance
// to any point of the enclosure. The number of correct digits is −log10 of that distance, divided
// by a size: the entry's own size, or the size of the largest entry of its parameter.
//
// Two kinds of entries have no digits of their own, and are counted apart:
//   zero      the enclosure is the point 0: the row of a token that does not occur, for instance;
//   no sign   the enclosure holds 0 and other numbers: the truth is 0 or too small to be told from
//             0. The bias of the keys is such a parameter. It adds one number to all scores of a
//             query, and a softmax does not change if all scores grow alike.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "examples/04_certificate/exchange.h"

namespace certificate {

using glass::Interval;
using glass::Tensor;

// ---- digits of many entries ----

// A bin is half a digit wide: below 0, 0 to ½, …, 8½ to 9, 9 and more.
inline constexpr std::size_t bins = 20;
std::size_t bin_of(double digits);

struct Digits {
  double worst = 0, median = 0;  // of no entries: 0
  Index count = 0;
  std::array<Index, bins> histogram{};
};

// Digits of one number. `size` > 0 is what the error is compared with. Between −20 and 20.
double digits_of(double number, const Interval& enclosure, double size);

// ---- one parameter, or all parameters ----

struct FloatDigits {
  Digits own;            // relative to the entry itself: all but `zero` and `no sign`
  Digits largest;        // relative to the largest entry of the parameter: all but the zeros
  double stray = 0;      // the largest |number| of float where the enclosure is zero or has no sign
  Index not_finite = 0;  // float's numbers that are NaN or infinite
};

struct Summary {
  std::string name, shape;
  Index entries = 0, zeros = 0, no_sign = 0, unbounded = 0;  // unbounded: no enclosure is known
  double widest = 0;   // width of an enclosure, relative to its entry: the largest
  double largest = 0;  // |entry|: the largest
  double bound = 0;    // of |truth| where the enclosure has no sign
  FloatDigits fused, plain;
};

// An entry that is shown: its enclosure, and float's number with fused attention.
struct Example {
  std::string name;  // of its parameter; empty: there is none
  Index entry = 0;
  Interval enclosure;
  double number = 0, digits = 0;
};

struct Comparison {
  Summary all;
  std::vector<Summary> parameters;
  Example middle;  // its digits are the median, or near it
  Example worst;
};

// A parameter's enclosures, and float's two numbers of each.
struct Entries {
  std::string name;
  Tensor enclosures, fused, plain;
};

Comparison compare(const std::vector<Entries>& parameters);

}  // namespace certificate
