// # One operation on the ends of intervals
//
// (private to the libraries) Each function here takes numbers that are exactly known, and returns
// the narrowest interval that it can find around the exact result: a point if the operation was
// exact. interval.cpp makes the operations on intervals out of them. There are two forms, for two
// types of ends: ends_double.cpp finds the error of an operation on doubles, ends_wide.cpp asks
// MPFR.
#pragma once

#include "tensor/interval.h"

namespace glass::ends {

using End = Interval::End;

// ---- + × ÷ √ and powers ----

// As doubles compute: x/0 is an infinity, as a number; 0/0 is NaN.
Interval sum(End a, End b);
Interval product(End a, End b);
Interval quotient(End a, End b);
Interval root(End x);
Interval power(End x, End n);

// ---- functions that rise, or fall, or turn ----

enum class Function { exp, log, log1p, tanh, sin, cos, erf, erfc };
Interval value(Function f, End x);

// ---- mathematical constants ----

Interval pi();
Interval two_over_root_pi();

// ---- whole numbers ----

bool is_integer(End n);
bool is_even(End n);

// ---- conversions ----

double rounded_down(End x);
double rounded_up(End x);
double middle(Interval x);  // of finite ends, or one of them infinite

}  // namespace glass::ends
