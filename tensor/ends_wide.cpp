// # Numbers of 192 bits as ends of intervals
//
// MPFR rounds every result downwards or upwards, as it is asked to, and says whether the operation
// was exact. So each operation is asked for once, rounded downwards. If it was exact, the result is
// a point; if not, the exact result lies between this number and the next.
//
// A Float192 lends MPFR its own limbs: nothing is allocated or copied.
#include <mpfr.h>

#include "tensor/ends.h"

#ifdef GLASS_WIDE_ENDS

namespace glass {

namespace {

static_assert(sizeof(mp_limb_t) == sizeof(std::uint64_t), "MPFR must have limbs of 64 bits");
static_assert(MPFR_NAN_KIND == static_cast<int>(Float192::Kind::nan) &&
              MPFR_INF_KIND == static_cast<int>(Float192::Kind::infinite) &&
              MPFR_ZERO_KIND == static_cast<int>(Float192::Kind::zero) &&
              MPFR_REGULAR_KIND == static_cast<int>(Float192::Kind::regular));

// A Float192 as MPFR sees it. MPFR has no type for a number that it only reads, hence the
// const_cast.
class Seen {
 public:
  explicit Seen(const Float192& x) {
    const int kind = static_cast<int>(x.kind);
    mpfr_custom_init_set(number_, x.negative ? -kind : kind, static_cast<mpfr_exp_t>(x.exponent),
                         Float192::bits, const_cast<std::uint64_t*>(x.limbs.data()));
  }
  operator mpfr_srcptr() const { return number_; }

 private:
  mpfr_t number_;
};

// A Float192 that MPFR writes.
class Written {
 public:
  Written() {
    mpfr_custom_init_set(number_, MPFR_ZERO_KIND, 0, Float192::bits, bits_.limbs.data());
  }
  Written(const Written&) = delete;
  operator mpfr_ptr() { return number_; }

  Float192 read() const {
    Float192 x = bits_;
    const int kind = mpfr_custom_get_kind(number_);
    x.kind = static_cast<Float192::Kind>(kind < 0 ? -kind : kind);
    x.negative = kind < 0;
    x.exponent = x.kind == Float192::Kind::regular ? mpfr_custom_get_exp(number_) : 0;
    return x;
  }

 private:
  Float192 bits_;
  mpfr_t number_;
};

// The result of `operation(result, MPFR_RNDD)`, rounded downwards, which returns 0 if it was exact.
template <class Operation>
Interval enclosed(Operation operation) {
  Written result;
  const bool exact = operation(result, MPFR_RNDD) == 0;
  const Float192 down = result.read();
  if (exact || down.is_nan()) return down;
  mpfr_nextabove(result);
  return {down, result.read()};
}

}  // namespace

Interval Interval::neighbours(Float192 x) {
  Written below, above;
  mpfr_set(below, Seen(x), MPFR_RNDN);
  mpfr_set(above, Seen(x), MPFR_RNDN);
  mpfr_nextbelow(below);
  mpfr_nextabove(above);
  return {below.read(), above.read()};
}

namespace ends {

// ---- + × ÷ √ and powers ----

Interval sum(Float192 a, Float192 b) {
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_add(z, Seen(a), Seen(b), way); });
}
Interval product(Float192 a, Float192 b) {
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_mul(z, Seen(a), Seen(b), way); });
}
Interval quotient(Float192 a, Float192 b) {
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_div(z, Seen(a), Seen(b), way); });
}
Interval root(Float192 x) {
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_sqrt(z, Seen(x), way); });
}
Interval power(Float192 x, Float192 n) {
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_pow(z, Seen(x), Seen(n), way); });
}

// ---- functions ----

Interval value(Function f, Float192 x) {
  using OfMpfr = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
  // In the order of Function.
  constexpr OfMpfr all[] = {mpfr_exp, mpfr_log, mpfr_log1p, mpfr_tanh,
                            mpfr_sin, mpfr_cos, mpfr_erf,   mpfr_erfc};
  const OfMpfr function = all[static_cast<std::size_t>(f)];
  return enclosed([&](mpfr_ptr z, mpfr_rnd_t way) { return function(z, Seen(x), way); });
}

// ---- constants, whole numbers, conversions ----

Interval pi() {
  return enclosed([](mpfr_ptr z, mpfr_rnd_t way) { return mpfr_const_pi(z, way); });
}
Interval two_over_root_pi() { return 2 / sqrt(pi()); }

bool is_integer(Float192 n) { return mpfr_integer_p(Seen(n)) != 0; }
bool is_even(Float192 n) {
  const Interval half = product(n, 0.5);
  return half.is_point() && is_integer(half.lo);
}

double rounded_down(Float192 x) { return mpfr_get_d(Seen(x), MPFR_RNDD); }
double rounded_up(Float192 x) { return mpfr_get_d(Seen(x), MPFR_RNDU); }
double middle(Interval x) {
  return mpfr_get_d(Seen(product(sum(x.lo, x.hi).lo, 0.5).lo), MPFR_RNDN);
}

}  // namespace ends

}  // namespace glass

#endif
