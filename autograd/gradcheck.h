// # Is the gradient right?
//
// The reverse sweep against an independent witness: finite differences in the f64 build, exact
// forward-mode derivatives in the dual build, and enclosures of them in the certified build.
// Tolerances are relative to the gradient itself, and rounding noise is measured, not assumed. So a
// check that passes is reliable. The certified build has no tolerance: it has proofs.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace glass {

struct GradcheckOptions {
  // Above 0; of the largest gradient of the variable. In the certified build a demand on the width:
  // a wider enclosure proves too little, and is undecided.
  double rtol = 1e-6;
  std::uint64_t seed = 0;  // of the cotangent that a non-scalar output is projected on
};

struct GradcheckReport {
  bool ok = false;
  double worst_error = 0;  // |analytic − numeric| beyond the noise; of the largest gradient
  std::string text;        // for people: what was checked, the worst five elements, and why
  explicit operator bool() const { return ok; }
};

// The check passes, fails or is inconclusive; only the first is `ok`. It fails if a gradient is
// wrong, or if f does not reach a variable that was named. It is inconclusive if a gradient could
// be neither confirmed nor refuted: at a jump of f, or if rounding hides more than a thousandth of
// a variable's gradient, for example the rounding of a large constant in f. worst_error is then the
// largest error that may be hidden: at a jump, infinity. At a kink, as of relu at 0, any gradient
// between the slopes to both sides is right.
//
// Elements at kinks are also moved together, since (1, 1) is no gradient of max(x, y) at x = y.
//
// What the check cannot do:
//   all builds  It looks at one point, and at one cotangent and −2 times it. A VJP that is wrong
//               for other cotangents only, as one with a clamp, passes. It compares with values
//               that f returns under NoGrad.
//   f64         Differences see f at the scale of their steps. If f is much faster or is hidden by
//               rounding, as cross_entropy of the logits (40, 0), a right gradient may fail, and a
//               wrong gradient of 0 may pass. Use glassgrad::dual.
//   dual        The ε is lost in an op that computes with static_cast<double>(x): it fails.
//   certified   So it does there, and slopes and values beside x tell: undecided. If the op's part
//               of the slope is less than about a millionth, it is not seen, and the claim may be
//               refuted. A gradient that may be 0 beside no other gradient is undecided.
//
// f computes a value from the variables, which are leaves that it holds; it is called many times,
// with every element of every variable perturbed in place, and every random stream rewound before
// each call. Any other leaf that f's graph reaches is checked too, as an 'unnamed leaf'. Values and
// gradients of all leaves are afterwards what they were. StateError in the f32 build, or if a named
// variable is frozen or no leaf with requires_grad; ShapeError if rtol is not a finite number of
// more than 0. Frozen leaves that f reaches are constants of f.
GradcheckReport gradcheck(const std::function<Var()>& f,
                          const std::vector<std::pair<std::string, Var>>& variables,
                          GradcheckOptions options = {});

}  // namespace glass
