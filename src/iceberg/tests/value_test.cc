// SPDX-License-Identifier: Apache-2.0
#include "iceberg/value.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

std::string Hex(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kHex[static_cast<unsigned char>(c) >> 4];
    text += kHex[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string Encoded(const Type& type, Value value) {
  return Hex(EncodeValue(type, value).ValueOrDie());
}

TEST(Value, EncodesAsTheSpecificationSays) {
  EXPECT_EQ(Encoded(Type::Of(TypeId::kBoolean), true), "01");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kInt), int32_t{-2}), "feffffff");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kLong), int64_t{100}), "6400000000000000");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kDate), int32_t{1}), "01000000");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kTimestampTz), int64_t{256}), "0001000000000000");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kFloat), 1.0f), "0000803f");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kDouble), -2.0), "00000000000000c0");
  EXPECT_EQ(Encoded(Type::Of(TypeId::kString), std::string("ab")), "6162");
  EXPECT_EQ(Encoded(Type::Decimal(9, 2), DecimalBytes(1420)), "058c");
}

TEST(Value, DecimalsAreMinimal) {
  EXPECT_EQ(Hex(DecimalBytes(0)), "00");
  EXPECT_EQ(Hex(DecimalBytes(127)), "7f");
  EXPECT_EQ(Hex(DecimalBytes(128)), "0080");
  EXPECT_EQ(Hex(DecimalBytes(-1)), "ff");
  EXPECT_EQ(Hex(DecimalBytes(-128)), "80");
  EXPECT_EQ(Hex(DecimalBytes(-129)), "ff7f");
  EXPECT_EQ(DecimalBytes(static_cast<__int128>(1) << 126).size(), 16u);
}

TEST(Value, EveryTypeComesBack) {
  const std::string uuid(16, 'u');
  const std::vector<std::pair<Type, Value>> values = {
      {Type::Of(TypeId::kBoolean), false},
      {Type::Of(TypeId::kInt), std::numeric_limits<int32_t>::min()},
      {Type::Of(TypeId::kLong), std::numeric_limits<int64_t>::max()},
      {Type::Of(TypeId::kFloat), -0.0f},
      {Type::Of(TypeId::kDouble), 1e300},
      {Type::Of(TypeId::kDate), int32_t{-5}},
      {Type::Of(TypeId::kTime), int64_t{5}},
      {Type::Of(TypeId::kTimestamp), int64_t{-5}},
      {Type::Of(TypeId::kTimestampNs), int64_t{5}},
      {Type::Of(TypeId::kString), std::string()},
      {Type::Of(TypeId::kBinary), std::string("\0\xff", 2)},
      {Type::Of(TypeId::kUuid), uuid},
      {Type::Fixed(3), std::string("abc")},
      {Type::Decimal(38, 10), DecimalBytes(-12345)}};
  for (const auto& [type, value] : values) {
    const auto bytes = EncodeValue(type, value).ValueOrDie();
    EXPECT_EQ(DecodeValue(type, bytes).ValueOrDie(), value) << type.ToString();
  }
}

TEST(Value, WhatDoesNotFitTheTypeIsRefused) {
  EXPECT_FALSE(EncodeValue(Type::Of(TypeId::kInt), int64_t{1}).ok());
  EXPECT_FALSE(EncodeValue(Type::Of(TypeId::kInt), Value()).ok());
  EXPECT_FALSE(EncodeValue(Type::Of(TypeId::kUuid), std::string("short")).ok());
  EXPECT_FALSE(EncodeValue(Type::List(1, Type::Of(TypeId::kInt), true), int32_t{1}).ok());
  EXPECT_FALSE(DecodeValue(Type::Of(TypeId::kInt), "123").ok());
  EXPECT_FALSE(DecodeValue(Type::Of(TypeId::kDouble), "").ok());
  EXPECT_FALSE(DecodeValue(Type::Decimal(9, 2), std::string(17, 'x')).ok());
}

TEST(Value, BoundsOfPromotedColumnsAreRead) {
  EXPECT_EQ(DecodeValue(Type::Of(TypeId::kLong), std::string("\xff\xff\xff\xff", 4)).ValueOrDie(),
            Value(int64_t{-1}));
  EXPECT_EQ(DecodeValue(Type::Of(TypeId::kDouble), std::string("\0\0\x80\x3f", 4)).ValueOrDie(),
            Value(1.0));
}

TEST(Value, ComparesByMeaning) {
  const auto less = std::strong_ordering::less;
  const auto encode = [](const Type& type, Value value) {
    return EncodeValue(type, value).ValueOrDie();
  };
  const Type i = Type::Of(TypeId::kInt), d = Type::Decimal(20, 0), f = Type::Of(TypeId::kDouble);
  EXPECT_EQ(CompareEncoded(i, encode(i, int32_t{-1}), encode(i, int32_t{1})), less);
  EXPECT_EQ(CompareEncoded(d, DecimalBytes(-300), DecimalBytes(2)), less);
  EXPECT_EQ(CompareEncoded(d, DecimalBytes(2), DecimalBytes(300)), less);
  EXPECT_EQ(CompareEncoded(f, encode(f, -0.0), encode(f, 0.0)), std::strong_ordering::equal);
  EXPECT_EQ(CompareEncoded(f, encode(f, std::nan("")), encode(f, 0.0)), std::nullopt);
  EXPECT_EQ(CompareEncoded(Type::Of(TypeId::kString), "a\x7f", "a\xc3\xa9"), less);
  EXPECT_EQ(CompareEncoded(i, "bad", encode(i, int32_t{1})), std::nullopt);
}

TEST(Bounds, LowerBoundsAreCut) {
  const Type text = Type::Of(TypeId::kString), binary = Type::Of(TypeId::kBinary);
  EXPECT_EQ(TruncateLowerBound(text, "short"), "short");
  EXPECT_EQ(TruncateLowerBound(text, "0123456789abcdefXYZ"), "0123456789abcdef");
  EXPECT_EQ(TruncateLowerBound(text, "\xc3\xa9\xc3\xa9\xc3\xa9", 2), "\xc3\xa9\xc3\xa9");
  EXPECT_EQ(TruncateLowerBound(binary, "abcdef", 3), "abc");
  EXPECT_EQ(TruncateLowerBound(Type::Of(TypeId::kUuid), std::string(16, 'x'), 4),
            std::string(16, 'x'));
}

TEST(Bounds, UpperBoundsAreCutAndRaised) {
  const Type text = Type::Of(TypeId::kString), binary = Type::Of(TypeId::kBinary);
  EXPECT_EQ(TruncateUpperBound(text, "short"), "short");
  EXPECT_EQ(TruncateUpperBound(text, "0123456789abcdef"), "0123456789abcdef");
  EXPECT_EQ(TruncateUpperBound(text, "0123456789abcdefX"), "0123456789abcdeg");
  EXPECT_EQ(TruncateUpperBound(text, "a\x7fz", 2), "a\xc2\x80");
  EXPECT_EQ(TruncateUpperBound(text, "a\xf4\x8f\xbf\xbfz", 2), "b");
  EXPECT_EQ(TruncateUpperBound(text, "\xed\x9f\xbfz", 1), "\xee\x80\x80");
  EXPECT_EQ(TruncateUpperBound(text, "\xf4\x8f\xbf\xbfz", 1), std::nullopt);
  EXPECT_EQ(TruncateUpperBound(text, "\xff\xff\xff", 1), std::nullopt);
  EXPECT_EQ(TruncateUpperBound(binary, "ab\xff\xff!", 4), "ac");
  EXPECT_EQ(TruncateUpperBound(binary, "\xff\xff!", 2), std::nullopt);
}

TEST(Bounds, TruncatedBoundsStillEmbraceTheValue) {
  const Type text = Type::Of(TypeId::kString);
  for (const std::string& value :
       {std::string("The quick brown fox jumps"), std::string(40, '\x7f'),
        std::string("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac")}) {
    for (int32_t width = 1; width < 20; ++width) {
      EXPECT_LE(TruncateLowerBound(text, value, width), value);
      const auto upper = TruncateUpperBound(text, value, width);
      ASSERT_TRUE(upper);
      EXPECT_GE(*upper, value);
    }
  }
}

}  // namespace
}  // namespace tarn::iceberg
