// SPDX-License-Identifier: Apache-2.0
//
// Random tables with random deletes of every kind, against the rules of the specification applied
// row by row.
#include <algorithm>
#include <random>

#include "foreign_table.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using iceberg::TypeId;
using iceberg::Value;

struct Row {
  int64_t id = 0;
  std::optional<int32_t> key;
  std::string region;
  bool operator==(const Row&) const = default;
};

struct Data {
  std::string location;
  int64_t sequence = 0;
  int32_t spec = 0;
  std::string region;  // of all rows where the spec is 1
  std::vector<Row> rows;
};

/// A delete of any kind, as the oracle sees it.
struct Delete {
  int64_t sequence = 0;
  int32_t spec = 0;
  std::string region;
  std::optional<std::string> referenced;
  bool vector = false;
  ForeignTable::Positions positions;
  bool by_region = false;  // equality: key and region, else key alone
  std::vector<Row> keys;

  bool SamePartition(const Data& data) const {
    return spec == data.spec && (spec == 0 || region == data.region);
  }
};

class RandomTable {
 public:
  explicit RandomTable(uint32_t seed) : random_(seed), version_(seed % 2 == 0 ? 2 : 3) {
    table_ = std::make_unique<ForeignTable>(
        SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "key", TypeId::kInt),
                  Field(3, "region", TypeId::kString)}),
        version_);
    table_->metadata.partition_specs.push_back({1, {{3, 1000, "region", "identity", {}}}});
    const size_t files = 1 + Below(6);
    for (size_t i = 0; i < files; ++i) AddData();
    const size_t deletes = 3 + Below(12);
    for (size_t i = 0; i < deletes; ++i) {
      Below(2) == 0 ? AddPositions() : AddEquality();
    }
    for (const Data& data : data_) {
      if (version_ == 3 && Below(3) == 0) AddVector(data);
    }
  }

  std::shared_ptr<const ReadView> View() { return table_->View(); }

  /// The live rows of each file, as the specification has them.
  std::vector<std::vector<Row>> Expected() const {
    std::vector<std::vector<Row>> expected;
    for (const Data& data : data_) {
      auto& live = expected.emplace_back();
      for (size_t row = 0; row < data.rows.size(); ++row) {
        if (!IsDeleted(data, static_cast<int64_t>(row))) live.push_back(data.rows[row]);
      }
    }
    return expected;
  }
  const std::vector<Data>& data() const { return data_; }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string Region() { return std::string(1, static_cast<char>('a' + Below(3))); }
  static std::vector<Value> Partition(int32_t spec, const std::string& region) {
    return spec == 0 ? std::vector<Value>() : std::vector<Value>{region};
  }
  std::optional<int32_t> Key() {
    if (Below(10) == 0) return std::nullopt;
    return static_cast<int32_t>(Below(60));
  }

  static std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Row>& rows) {
    arrow::Int64Builder ids;
    arrow::Int32Builder keys;
    arrow::StringBuilder regions;
    for (const Row& row : rows) {
      (void)ids.Append(row.id);
      (void)(row.key ? keys.Append(*row.key) : keys.AppendNull());
      (void)regions.Append(row.region);
    }
    return arrow::RecordBatch::Make(
        arrow::schema({Column("id", arrow::int64(), 1), Column("key", arrow::int32(), 2),
                       Column("region", arrow::utf8(), 3)}),
        static_cast<int64_t>(rows.size()),
        {ids.Finish().ValueOrDie(), keys.Finish().ValueOrDie(), regions.Finish().ValueOrDie()});
  }

  void AddData() {
    Data data;
    data.sequence = 1 + Below(5);
    data.spec = static_cast<int32_t>(Below(2));
    data.region = Region();
    const uint32_t rows = 1 + Below(200);
    for (uint32_t i = 0; i < rows; ++i) {
      data.rows.push_back({next_id_++, Key(), data.spec == 1 ? data.region : Region()});
    }
    data.location = table_
                        ->AddData(*Batch(data.rows), data.sequence, data.spec,
                                  Partition(data.spec, data.region))
                        .file_path;
    data_.push_back(std::move(data));
  }

  void AddPositions() {
    Delete deletes;
    deletes.sequence = 1 + Below(6);
    const Data& near = data_[Below(static_cast<uint32_t>(data_.size()))];
    deletes.spec = near.spec;
    deletes.region = near.region;
    const bool scoped = Below(3) == 0;
    const uint32_t count = 1 + Below(80);
    for (uint32_t i = 0; i < count; ++i) {
      // Now and then of another file, which may be of another partition or too young.
      const Data& of =
          scoped || Below(4) != 0 ? near : data_[Below(static_cast<uint32_t>(data_.size()))];
      deletes.positions.emplace_back(of.location, Below(220));
    }
    if (Below(2) == 0) std::sort(deletes.positions.begin(), deletes.positions.end());
    auto& file = table_->AddPositionDeletes(deletes.positions, deletes.sequence, deletes.spec,
                                            Partition(deletes.spec, deletes.region));
    if (scoped) file.referenced_data_file = deletes.referenced = near.location;
    deletes_.push_back(std::move(deletes));
  }

  void AddEquality() {
    Delete deletes;
    deletes.sequence = 1 + Below(6);
    deletes.spec = static_cast<int32_t>(Below(2));
    deletes.region = Region();
    deletes.by_region = Below(2) == 0;
    const uint32_t count = 1 + Below(10);
    for (uint32_t i = 0; i < count; ++i) deletes.keys.push_back({0, Key(), Region()});
    const auto batch = Batch(deletes.keys);
    std::vector<int32_t> ids = {2};
    auto keys = batch->SelectColumns({1}).ValueOrDie();
    if (deletes.by_region) {
      ids = {3, 2};
      keys = batch->SelectColumns({2, 1}).ValueOrDie();
    }
    table_->AddEqualityDeletes(*keys, ids, deletes.sequence, deletes.spec,
                               Partition(deletes.spec, deletes.region));
    deletes_.push_back(std::move(deletes));
  }

  void AddVector(const Data& data) {
    Delete deletes;
    deletes.sequence = data.sequence + Below(3);
    deletes.referenced = data.location;
    deletes.vector = true;
    std::set<uint64_t> rows;
    const uint32_t count = Below(60);
    for (uint32_t i = 0; i < count; ++i) rows.insert(Below(220));
    for (const uint64_t row : rows) {
      deletes.positions.emplace_back(data.location, static_cast<int64_t>(row));
    }
    table_->AddVector(data.location, rows, deletes.sequence);
    deletes_.push_back(std::move(deletes));
  }

  bool IsDeleted(const Data& data, int64_t row) const {
    const auto has_vector = [&](const Delete& d) {
      return d.vector && *d.referenced == data.location;
    };
    const bool vector = std::any_of(deletes_.begin(), deletes_.end(), has_vector);
    for (const Delete& d : deletes_) {
      if (d.keys.empty()) {
        const bool about = d.referenced ? *d.referenced == data.location : d.SamePartition(data);
        if (!about || data.sequence > d.sequence || vector != d.vector) continue;
        const std::pair<std::string, int64_t> place(data.location, row);
        if (std::find(d.positions.begin(), d.positions.end(), place) != d.positions.end())
          return true;
      } else {
        if (data.sequence >= d.sequence || (d.spec != 0 && !d.SamePartition(data))) continue;
        for (const Row& key : d.keys) {
          const Row& of = data.rows[static_cast<size_t>(row)];
          if (key.key == of.key && (!d.by_region || key.region == of.region)) return true;
        }
      }
    }
    return false;
  }

  std::mt19937 random_;
  int32_t version_;
  std::unique_ptr<ForeignTable> table_;
  std::vector<Data> data_;
  std::vector<Delete> deletes_;
  int64_t next_id_ = 0;
};

std::vector<Row> RowsIn(const arrow::RecordBatch& batch) {
  std::vector<Row> rows;
  const auto& ids = static_cast<const arrow::Int64Array&>(*batch.column(0));
  const auto& keys = static_cast<const arrow::Int32Array&>(*batch.column(1));
  const auto& regions = static_cast<const arrow::StringArray&>(*batch.column(2));
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    rows.push_back({ids.Value(i), keys.IsValid(i) ? std::optional(keys.Value(i)) : std::nullopt,
                    regions.GetString(i)});
  }
  return rows;
}

TEST(ViewOracle, EveryLiveRowAndNoOtherIsRead) {
  uint64_t live = 0, all = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    RandomTable table(seed);
    const auto view = table.View();
    const auto expected = table.Expected();
    // Manifests are grouped by spec: the view's files are in another order.
    ASSERT_EQ(view->files().size(), expected.size());
    const auto batches = ScanAll(*view);
    int64_t count = 0;
    for (size_t file = 0; file < expected.size(); ++file) {
      const auto at = std::find_if(table.data().begin(), table.data().end(), [&](const Data& data) {
        return data.location.ends_with(view->files()[file].path);
      });
      ASSERT_NE(at, table.data().end());
      const auto& rows = expected[static_cast<size_t>(at - table.data().begin())];
      ASSERT_EQ(RowsIn(*batches[file]), rows) << "seed " << seed << ", file " << file;
      count += static_cast<int64_t>(rows.size());
      all += at->rows.size();
    }
    ASSERT_EQ(view->CountLiveRows().ValueOrDie(), count);
    live += static_cast<uint64_t>(count);
  }
  // The tables are worth reading: something is deleted, and something left.
  EXPECT_GT(live, all / 3);
  EXPECT_LT(live, all * 9 / 10);
}

}  // namespace
}  // namespace tarn
