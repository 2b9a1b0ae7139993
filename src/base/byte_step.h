// SPDX-License-Identifier: Apache-2.0
//
// Precision i8: every value of a file is a whole number of steps, -127 to 127. The step is a power
// of two, so that the values are exact floats, and files whose largest values are alike share it:
// what is copied from one to another is seldom rounded again.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tarn {

/// The least power of two of which 127 reach `largest`, the largest absolute value; 1 for 0. Never
/// so small that its inverse is infinite.
inline float ByteStep(float largest) {
  if (!(largest > 0)) return 1;
  int exponent = 0;
  const double part = std::frexp(double{largest} / 127, &exponent);
  if (part == 0.5) --exponent;
  return std::ldexp(1.0f, std::max(exponent, -126));
}

/// To the nearest number of steps, halves to the even one.
inline int8_t RoundToSteps(float value, float step) {
  return static_cast<int8_t>(std::clamp(std::nearbyint(double{value} / step), -127.0, 127.0));
}

}  // namespace tarn
