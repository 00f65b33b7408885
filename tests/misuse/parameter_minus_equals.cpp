// expect: deleted.*operator-=.*in place: Tensor w = p\.value\(\); w\.add_\(-x\)
#include "glassgrad.h"

void step(glass::nn::Linear& layer) { layer.weight -= 0.1 * layer.weight.grad(); }
