// The consumer's own file; glassgrad must not find it, and the consumer must.
#pragma once

#ifndef CONSUMER_ASKED
#error "glassgrad includes the consumer's tensor/tensor.h"
#endif

inline constexpr bool consumers_own_tensor = true;
