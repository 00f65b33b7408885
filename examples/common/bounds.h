// # Numbers on a command line, within bounds
//
// For every option that takes a number, instead of CLI::Range, which lets NaN pass, reads 010 as 8,
// and prints bounds as 0.000000.
#pragma once

#include <cstdint>
#include <limits>

namespace CLI {
class Option;
}

namespace examples {

// Decimal digits, perhaps with a sign: `least` ≤ number ≤ `most`, and a multiple of `factor`.
struct WholeNumber {
  std::uint64_t least = 0, most = 1'000'000'000, factor = 1;
};

// For --seed.
inline constexpr WholeNumber any_seed{0, std::numeric_limits<std::uint64_t>::max()};

// `least` ≤ number ≤ `most`; an open range does not contain `least` itself. NaN is no number.
struct RealNumber {
  double least = 0, most = 1;
  bool open = false;
};

// Lets the option take only numbers within the bounds. If the option takes several numbers, each of
// them must be within the bounds. Otherwise parsing throws a CLI::ParseError: "--rate must be more
// than 0 and at most 10; got 0".
CLI::Option* within(CLI::Option* option, WholeNumber bounds);
CLI::Option* within(CLI::Option* option, RealNumber bounds);

}  // namespace examples
