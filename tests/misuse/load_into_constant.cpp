// expect: load\(\) writes to the parts in its list
#include "glassgrad.h"

void resume(const glass::Tensor& weight) {
  const glass::Index step = 0;
  glass::nn::load("file", {{"weight", weight}, {"step", step}});
}
