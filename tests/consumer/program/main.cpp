// A program outside glassgrad that has its own tensor/tensor.h.
#include <glassgrad.h>

#define CONSUMER_ASKED
#include "tensor/tensor.h"

#include <cstdio>

int main() {
  const glass::Shape shape{2, 3};
  std::puts(shape.numel() == 6 && consumers_own_tensor ? "consumer: ok" : "consumer: wrong");
  return shape.numel() == 6 ? 0 : 1;
}
