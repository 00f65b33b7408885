// y = a / b, element by element
Var operator/(const Var& a, const Var& b) {
  throw StateError("not written yet");
}
