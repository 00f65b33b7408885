// expect: deleted.*the rate is an option: Adam\(parameters, \{\.rate = 1e-3\}\)
#include "glassgrad.h"

glass::optim::Adam optimiser(const glass::nn::Linear& layer) {
  return glass::optim::Adam(glass::nn::parameters(layer), 1e-3);
}
