// # The model and its batch, in float
//
// Either a model that translate saved, with sentences of its task or of the user; or a model that
// is trained here to copy letters.
#pragma once

#include <functional>

#include "examples/04_certificate/exchange.h"
#include "examples/04_certificate/sizes.h"
#include "examples/common/training.h"

namespace certificate {

struct Subject {
  glass::nn::EncoderDecoder model;
  Question question;
};

// A model of a file. FileError if it holds no model of translate, if a weight is not finite, or if
// there is no batch for it: a model of the user's own files has no task that could draw sentences.
Subject subject_from(const Task& task);

// A new model that is to copy letters, and a batch that it will not be trained on.
Subject new_subject(const Task& task, glass::Rng& rng);

// Trains the model of new_subject() on pairs of its kind.
void train_to_copy(const Subject& subject, const Task& task, glass::Rng& rng,
                   const std::function<void(const examples::Progress&)>& after_step);

}  // namespace certificate
