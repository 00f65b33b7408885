// # All of glassgrad
//
// `#include <glassgrad.h>` and link one of the libraries `glassgrad::f32`, `glassgrad::f64` and
// `glassgrad::dual`. A header that other headers bring along is not named here.
#pragma once

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "autograd/trace.h"
#include "autograd/var.h"
#include "nn/attention.h"
#include "nn/decode.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/gru.h"
#include "nn/init.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/module.h"
#include "nn/positions.h"
#include "nn/rms_norm.h"
#include "nn/serialize.h"
#include "nn/summary.h"
#include "nn/transfer.h"
#include "nn/transformer.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "tensor/ops.h"
