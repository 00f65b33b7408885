// # Enclosing a gradient
//
// The library computes in dual numbers of intervals here, so there are two ways to a gradient:
//
//   the sweep     backward() encloses all entries at once. Each enclosure holds the true gradient
//                 if the VJPs, the rules of the sweep, are right.
//   forward mode  one pass through the model encloses the derivative along one direction u, which
//                 is ⟨∇L, u⟩ = Σ uᵢ ∂L/∂wᵢ. It uses no VJP, only rules of one line each
//                 (tensor/dual.h).
//
// Both hold the same number if all rules are right. If they have no number in common, a rule is
// wrong: refuted, without a tolerance. If they meet, nothing is proved about the VJPs; but where
// the forward rules hold, the truth lies in the enclosure of forward mode.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "examples/04_certificate/digits.h"

namespace certificate {

// ⟨∇L, u⟩ by both ways. An entry is a direction, too: u is 1 there and 0 elsewhere.
struct Meeting {
  Interval forward, sweep;
  bool are_disjoint() const { return disjoint(forward, sweep); }
};

struct Directions {
  Index asked = 0, disjoint = 0;
  std::vector<Meeting> done;
};

// An entry that both ways enclosed, and float's number.
struct EntryCheck {
  std::string name;
  Index entry = 0;
  Meeting meeting;
  double number = 0, digits = 0;  // digits by the enclosure of forward mode; −20 to 20
  bool has_digits = false;        // not if the enclosure holds 0
};

// All that is found out about one state of a model.
struct Result {
  Question question;
  Interval loss;
  double fused_loss = 0, plain_loss = 0;
  Comparison comparison;
  Directions directions;
  Index entries_asked = 0, entries_disjoint = 0;
  std::vector<EntryCheck> entries;
  std::string undecided;  // why there is no enclosure; empty if there is one
  bool stopped = false;   // by Ctrl-C, before all directions and entries were done
  double seconds = 0;     // of the sweep

  bool refuted() const { return directions.disjoint + entries_disjoint > 0; }
};

struct Checks {
  Index directions = 5, entries = 5;
  std::uint64_t seed = 1;
};

// Reads a state of the model, encloses its gradient, and compares float's numbers with it. Where an
// interval cannot decide, the result says so. Throws Interrupted if `stop` says yes before the
// gradient is enclosed; later, what is done so far is the result.
Result examine(const std::filesystem::path& file, const Checks& checks,
               const std::function<bool()>& stop);

}  // namespace certificate
