// SPDX-License-Identifier: Apache-2.0
//
// Random predicates over random rows, with nulls, beside an evaluator that knows only the rules of
// SQL. TARN_PREDICATES makes it longer.
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <random>

#include "arrow/api.h"
#include "arrow/compute/exec.h"
#include "arrow/compute/expression.h"
#include "gtest/gtest.h"
#include "tarn/predicate.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using Truth = std::optional<bool>;

Truth Not(Truth a) { return a ? Truth(!*a) : a; }
Truth And(Truth a, Truth b) {
  if ((a && !*a) || (b && !*b)) return false;
  return a && b ? Truth(true) : std::nullopt;
}
Truth Or(Truth a, Truth b) { return Not(And(Not(a), Not(b))); }

/// A number in thousandths (of microseconds, for times), a text, or a NaN.
__extension__ using Big = __int128;
struct Value {
  Big thousandths = 0;
  std::string text;
  bool is_nan = false;
  bool is_text = false;
};
using Cell = std::optional<Value>;
Value Number(Big thousandths) { return {thousandths, "", false, false}; }
Value Text(std::string text) { return {0, std::move(text), false, true}; }

/// -1, 0 or 1; nullopt for a NaN.
std::optional<int> Order(const Value& a, const Value& b) {
  if (a.is_nan || b.is_nan) return std::nullopt;
  if (a.is_text) return a.text == b.text ? 0 : a.text < b.text ? -1 : 1;
  return a.thousandths == b.thousandths ? 0 : a.thousandths < b.thousandths ? -1 : 1;
}
Truth Compare(const Cell& a, const std::string& op, const Cell& b) {
  if (!a || !b) return std::nullopt;
  const auto order = Order(*a, *b);
  if (op == "=") return order && *order == 0;
  if (op == "<>" || op == "!=") return !order || *order != 0;
  if (!order) return false;
  if (op == "<") return *order < 0;
  if (op == "<=") return *order <= 0;
  return op == ">" ? *order > 0 : *order >= 0;
}

/// Bytes are enough: the texts are ASCII.
bool Like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t skip = 0; skip <= text.size(); ++skip) {
      if (Like(text.substr(skip), pattern.substr(1))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) &&
         Like(text.substr(1), pattern.substr(1));
}

constexpr Big kUnit = 1000;
constexpr Big kDay = Big{86'400'000'000} * kUnit;

enum Kind {
  kTiny,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kText,
  kDate,
  kTimestamp,
  kBool,
  kKinds
};
const char* const kNames[kKinds] = {"tiny",  "n",   "\"long\"", "f",  "\"a.d\"",
                                    "money", "txt", "day",      "at", "flag"};

std::string Decimal(Big thousandths) {
  const bool negative = thousandths < 0;
  Big rest = negative ? -thousandths : thousandths;
  std::string digits;
  for (int i = 0; i < 4 || rest != 0; ++i, rest /= 10) {
    if (i == 3) digits += '.';
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}
  uint64_t Draw(uint64_t below) { return random_() % below; }
  template <class T>
  T Pick(std::initializer_list<T> from) {
    return *(from.begin() + Draw(from.size()));
  }

  Cell RandomCell(Kind kind) {
    if (Draw(6) == 0) return std::nullopt;
    const auto near = [&](int64_t span) {
      return static_cast<int64_t>(Draw(static_cast<uint64_t>(2 * span + 1))) - span;
    };
    switch (kind) {
      case kTiny:
        return Number(Pick<int64_t>({-128, 127, near(2), near(2)}) * kUnit);
      case kInt:
        return Number(Pick<int64_t>({INT32_MIN, INT32_MAX, near(2), near(2)}) * kUnit);
      case kLong:
        return Number(
            Big{Pick<int64_t>({INT64_MIN, INT64_MAX, (int64_t{1} << 53) + near(1), near(2)})} *
            kUnit);
      case kFloat:
      case kDouble: {
        if (Draw(8) == 0) return Value{0, "", true, false};
        const Big large = (Big{1} << (kind == kFloat ? 24 : 53)) * kUnit;
        return Number(Draw(4) == 0 ? large : Big{near(8)} * 250);
      }
      case kDecimal:
        return Number(Pick<int64_t>({99999, -99999, near(200), near(200)}) * 10);
      case kText: {
        std::string text;
        for (uint64_t i = Draw(4); i > 0; --i) text += Pick({'a', 'b', '%', '\'', '\\', '\n', '.'});
        return Text(text);
      }
      case kDate:
        return Number(near(3) * kDay);
      case kTimestamp:
        return Number(near(1) * kDay + near(2) * kUnit);
      default:
        return Number(static_cast<int64_t>(Draw(2)));
    }
  }

  /// A literal, and what it stands for beside a column of the kind.
  std::pair<std::string, Cell> RandomLiteral(Kind kind) {
    if (Draw(10) == 0) return {Pick<std::string>({"NULL", "null"}), std::nullopt};
    Cell cell;
    do cell = RandomCell(kind);
    while (!cell || cell->is_nan);
    if (kind == kText) {
      std::string quoted = "'";
      for (const char c : cell->text) quoted += c == '\'' ? "''" : std::string(1, c);
      return {quoted + "'", cell};
    }
    if (kind == kBool) return {cell->thousandths != 0 ? "TRUE" : "false", cell};
    if (kind == kDate || kind == kTimestamp) return Moment(kind, *cell);
    Value value = *cell;
    switch (Draw(5)) {
      case 0:
        value.thousandths += Pick<Big>({1, 500, -250, 10});
        break;
      case 1:
        value.thousandths += Pick<Big>({kUnit, -kUnit, Big{300} * kUnit});
        break;
      case 2:
        value.thousandths = (Big{1} << 90) * Pick<Big>({1, -1});
        break;
      default:
        break;
    }
    const bool is_float = kind == kFloat || kind == kDouble;
    const bool large = value.thousandths > (kUnit << 24) || value.thousandths < -(kUnit << 24);
    const bool beyond = value.thousandths > (kUnit << 20) || value.thousandths < -(kUnit << 20);
    // A float beside a literal with a point rounds it; these are exact.
    if (is_float && (value.thousandths % 125 != 0 || (beyond && value.thousandths % kUnit != 0))) {
      return {"0.250", Number(250)};
    }
    std::string text = Decimal(value.thousandths);
    const bool whole = value.thousandths % kUnit == 0;
    if (whole && (Draw(2) == 0 || (is_float && large))) text.resize(text.size() - 4);
    return {text, value};
  }

  static std::pair<std::string, Value> MomentOf(Big nanoseconds, bool date_only) {
    // Days of 1969-12-2x to 1970-01-0x.
    Big day = nanoseconds / kDay;
    if (nanoseconds % kDay < 0) --day;
    const Big rest = nanoseconds - day * kDay;
    char text[64];
    const int number = static_cast<int>(day);
    if (number >= 0) {
      std::snprintf(text, sizeof(text), "1970-01-%02d", number + 1);
    } else {
      std::snprintf(text, sizeof(text), "1969-12-%02d", 32 + number);
    }
    if (date_only) return {text, Number(day * kDay)};
    const auto ns = static_cast<int64_t>(rest);
    char time[64];
    std::snprintf(time, sizeof(time), " %02d:%02d:%02d.%09d",
                  static_cast<int>(ns / 3'600'000'000'000),
                  static_cast<int>(ns / 60'000'000'000 % 60),
                  static_cast<int>(ns / 1'000'000'000 % 60), static_cast<int>(ns % 1'000'000'000));
    return {std::string(text) + time, Number(nanoseconds)};
  }
  std::pair<std::string, Cell> Moment(Kind kind, Value value) {
    if (Draw(3) == 0) value.thousandths += Pick<Big>({1, -1, 500, kUnit});
    const bool date_only = Draw(2) == 0;
    const auto [text, exact] = MomentOf(value.thousandths, date_only);
    return {Pick<std::string>({"", date_only ? "DATE " : "TIMESTAMP ", "timestamp "}) + "'" + text +
                "'",
            exact};
  }

  std::mt19937_64 random_;
};

using Row = std::vector<Cell>;
struct Condition {
  std::string text;
  std::function<Truth(const Row&)> of;
};

class Generator : World {
 public:
  using World::World;

  Condition Make(int depth) {
    if (depth == 0 || Draw(4) == 0) return Leaf();
    Condition a = Make(depth - 1);
    switch (Draw(4)) {
      case 0:
        return {"NOT (" + a.text + ")", [a](const Row& row) { return Not(a.of(row)); }};
      case 1:
        return {"(" + a.text + ") IS NULL", [a](const Row& row) { return Truth(!a.of(row)); }};
      case 2: {
        Condition b = Make(depth - 1);
        return {"(" + a.text + ") and (" + b.text + ")",
                [a, b](const Row& row) { return And(a.of(row), b.of(row)); }};
      }
      default: {
        Condition b = Make(depth - 1), c = Leaf();
        return {"(" + a.text + ") OR (" + b.text + ") OR " + c.text,
                [a, b, c](const Row& row) { return Or(Or(a.of(row), b.of(row)), c.of(row)); }};
      }
    }
  }
  Row NewRow() {
    Row row;
    for (int kind = 0; kind < kKinds; ++kind) row.push_back(RandomCell(static_cast<Kind>(kind)));
    return row;
  }

 private:
  std::string Operator() { return Pick<std::string>({"=", "<>", "!=", "<", "<=", ">", ">="}); }
  static std::string Mirrored(const std::string& op) {
    if (op[0] == '<' && op != "<>") return ">" + op.substr(1);
    return op[0] == '>' ? "<" + op.substr(1) : op;
  }

  Condition Leaf() {
    const auto kind = static_cast<Kind>(Draw(kKinds));
    const std::string name = kNames[kind];
    switch (Draw(8)) {
      case 0:
        return Draw(2) == 0
                   ? Condition{name + " IS NULL", [=](const Row& row) { return Truth(!row[kind]); }}
                   : Condition{name + " is NOT null",
                               [=](const Row& row) { return Truth(!!row[kind]); }};
      case 1:
      case 2:
        return In(kind);
      case 3: {
        const auto low = RandomLiteral(kind), high = RandomLiteral(kind);
        const bool negated = Draw(2) == 0;
        return {name + (negated ? " NOT" : "") + " BETWEEN " + low.first + " AND " + high.first,
                [=](const Row& row) {
                  const Truth in = And(Compare(row[kind], ">=", low.second),
                                       Compare(row[kind], "<=", high.second));
                  return negated ? Not(in) : in;
                }};
      }
      case 4: {
        std::string pattern, quoted;
        for (uint64_t i = Draw(5); i > 0; --i) {
          pattern += Pick({'a', 'b', '%', '_', '\'', '\\', '\n', '.'});
          quoted += pattern.back() == '\'' ? "''" : pattern.substr(pattern.size() - 1);
        }
        const bool negated = Draw(2) == 0;
        return {std::string("txt ") + (negated ? "NOT " : "") + "LIKE '" + quoted + "'",
                [=](const Row& row) {
                  if (!row[kText]) return Truth();
                  return Truth(Like(row[kText]->text, pattern) != negated);
                }};
      }
      case 5: {
        const auto other = Pick<Kind>({kTiny, kInt, kDouble});
        const std::string op = Operator();
        return {"tiny " + op + " " + kNames[other],
                [=](const Row& row) { return Compare(row[kTiny], op, row[other]); }};
      }
      default: {
        const auto literal = RandomLiteral(kind);
        const std::string op = Operator();
        const auto of = [=](const Row& row) { return Compare(row[kind], op, literal.second); };
        return Draw(2) == 0 ? Condition{name + op + literal.first, of}
                            : Condition{literal.first + " " + Mirrored(op) + " " + name, of};
      }
    }
  }

  Condition In(Kind kind) {
    std::vector<Cell> cells;
    std::string list;
    for (uint64_t i = 0; i <= Draw(4); ++i) {
      const auto [text, cell] = RandomLiteral(kind);
      list += (i == 0 ? "" : ", ") + text;
      cells.push_back(cell);
    }
    const bool negated = Draw(2) == 0;
    return {std::string(kNames[kind]) + (negated ? " NOT IN (" : " IN (") + list + ")",
            [=](const Row& row) {
              Truth in = false;
              for (const Cell& cell : cells) in = Or(in, Compare(row[kind], "=", cell));
              return negated ? Not(in) : in;
            }};
  }
};

std::shared_ptr<arrow::RecordBatch> ToBatch(const std::vector<Row>& rows) {
  const auto money = arrow::decimal128(5, 2);
  const auto at = arrow::timestamp(arrow::TimeUnit::MICRO);
  const arrow::FieldVector fields = {arrow::field("tiny", arrow::int8()),
                                     arrow::field("n", arrow::int32()),
                                     arrow::field("long", arrow::int64()),
                                     arrow::field("f", arrow::float32()),
                                     arrow::field("a.d", arrow::float64()),
                                     arrow::field("money", money),
                                     arrow::field("txt", arrow::utf8()),
                                     arrow::field("day", arrow::date32()),
                                     arrow::field("at", at),
                                     arrow::field("flag", arrow::boolean())};
  arrow::ArrayVector columns;
  for (int kind = 0; kind < kKinds; ++kind) {
    const auto& type = fields[static_cast<size_t>(kind)]->type();
    auto builder = arrow::MakeBuilder(type).ValueOrDie();
    for (const Row& row : rows) {
      const Cell& cell = row[static_cast<size_t>(kind)];
      std::shared_ptr<arrow::Scalar> scalar = arrow::MakeNullScalar(type);
      if (cell) {
        const Big number = cell->thousandths;
        const auto whole = static_cast<int64_t>(number / kUnit);
        const double real = cell->is_nan ? std::nan("") : static_cast<double>(number) / 1000;
        switch (kind) {
          case kFloat:
            scalar = arrow::MakeScalar(static_cast<float>(real));
            break;
          case kDouble:
            scalar = arrow::MakeScalar(real);
            break;
          case kDecimal:
            scalar = std::make_shared<arrow::Decimal128Scalar>(
                arrow::Decimal128(static_cast<int64_t>(number / 10)), type);
            break;
          case kText:
            scalar = arrow::MakeScalar(cell->text);
            break;
          case kDate:
            scalar = std::make_shared<arrow::Date32Scalar>(static_cast<int32_t>(number / kDay));
            break;
          case kTimestamp:
            scalar = std::make_shared<arrow::TimestampScalar>(whole, type);
            break;
          case kBool:
            scalar = arrow::MakeScalar(number != 0);
            break;
          default:
            scalar = arrow::MakeScalar(type, whole).ValueOrDie();
        }
      }
      EXPECT_TRUE(builder->AppendScalar(*scalar).ok());
    }
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), static_cast<int64_t>(rows.size()),
                                  columns);
}

TEST(PredicateRandomTest, RandomPredicatesMeanWhatSqlSays) {
  const char* longer = std::getenv("TARN_PREDICATES");
  const int count = longer != nullptr ? std::atoi(longer) : 3000;
  Generator generator(20261121);
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(generator.NewRow());
  const auto batch = ToBatch(rows);
  std::map<char, int64_t> seen;
  for (int i = 0; i < count; ++i) {
    const Condition condition = generator.Make(i % 5);
    SCOPED_TRACE(condition.text);
    auto predicate = ParsePredicate(condition.text, *batch->schema());
    ASSERT_TRUE(predicate.ok()) << predicate.status();
    const auto bound = predicate->Bind(*batch->schema()).ValueOrDie();
    const auto answer = cp::ExecuteScalarExpression(bound, cp::ExecBatch(*batch));
    ASSERT_TRUE(answer.ok()) << answer.status();
    const auto array =
        answer->is_scalar()
            ? arrow::MakeArrayFromScalar(*answer->scalar(), batch->num_rows()).ValueOrDie()
            : answer->make_array();
    const auto& bits = static_cast<const arrow::BooleanArray&>(*array);
    for (size_t r = 0; r < rows.size(); ++r) {
      const Truth expected = condition.of(rows[r]);
      const auto row = static_cast<int64_t>(r);
      const Truth found = bits.IsNull(row) ? Truth() : Truth(bits.Value(row));
      ASSERT_EQ(found, expected) << batch->Slice(row, 1)->ToString();
      ++seen[!expected ? '-' : *expected ? 'T' : 'F'];
    }
  }
  // Each answer is met often enough to mean something.
  for (const char answer : {'T', 'F', '-'}) EXPECT_GT(seen[answer], count * 20) << answer;
}

}  // namespace
}  // namespace tarn
