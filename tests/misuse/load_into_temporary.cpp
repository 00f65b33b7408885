// expect: load\(\) writes to the parts in its list
#include "glassgrad.h"

void resume(const glass::Tensor& weight) {
  glass::nn::load("file", {{"weight", weight}, {"step", glass::Index(0)}});
}
