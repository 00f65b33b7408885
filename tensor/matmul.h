// # The product of matrices
//
// C = A·B for operands of any strides: transposed, stepped and expanded views are read by their
// strides.
#pragma once

#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace glass {

// [..., M, K] @ [..., K, N] → [..., M, N]; leading axes broadcast. An operand of one axis is a row
// on the left or a column on the right, and that axis is gone from the result, as in NumPy.
// ShapeError unless the inner sizes agree and neither operand is a scalar.
Tensor matmul(const Tensor& a, const Tensor& b);

// x weightᵀ + bias for x [..., in], weight [out, in], bias [out] → [..., out]. A tile adds the bias
// before it stores its sums, so the bias takes no pass of its own. ShapeError unless the sizes
// agree.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

// The definition, one element after the other: the oracle that the fast product is tested against.
Tensor matmul_naive(const Tensor& a, const Tensor& b);

}  // namespace glass
