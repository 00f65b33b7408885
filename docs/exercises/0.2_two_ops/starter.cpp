#include <stdexcept>

Scalar exp(const Scalar& x) {
  throw std::logic_error("not written yet");
}

Scalar operator/(const Scalar& a, const Scalar& b) {
  throw std::logic_error("not written yet");
}
