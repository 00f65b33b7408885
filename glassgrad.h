// # All of glassgrad
//
// `#include <glassgrad.h>` and link one of the libraries `glassgrad::f32`, `glassgrad::f64` and
// `glassgrad::dual`. A header that other headers bring along is not named here.
#pragma once

#include "autograd/attention.h"
#include "autograd/ops.h"
#include "autograd/trace.h"
#include "autograd/var.h"
#include "tensor/ops.h"
