// SPDX-License-Identifier: Apache-2.0
//
// What users are promised: with default settings at least .95 of the true ten nearest rows, over
// any number of files, under filters and after deletes, and never fewer rows than there are.
#include <cmath>
#include <random>
#include <set>

#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/search_session.h"
#include "tarn/table_writer.h"
#include "tests/recall/labelled_data.h"

namespace tarn::testing {
namespace {

constexpr uint32_t kK = 10;
constexpr double kFloor = 0.95;
const TableIdent kTable{{"db"}, "t"};

struct Setting {
  const char* data;
  IndexType index;
  int files;
  VectorMetric metric;
};

std::string SettingName(const ::testing::TestParamInfo<Setting>& info) {
  return std::string(info.param.data) + "_" + std::string(IndexTypeName(info.param.index)) + "_" +
         std::to_string(info.param.files) + "files_" + std::string(MetricName(info.param.metric));
}

void PrintTo(const Setting& setting, std::ostream* out) { *out << SettingName({setting, 0}); }

const LabelledData& DataOf(const Setting& setting) {
  static const LabelledData mixture = Mixture(12'000, 48, 60);
  return std::string_view(setting.data) == "wordnet" ? WordNetSample() : mixture;
}

/// The data of one setting as a table in memory: row i lies in file i % files.
class RecallTest : public ::testing::TestWithParam<Setting> {
 protected:
  /// One table for all tests of a setting.
  struct Table {
    std::shared_ptr<SearchSession> session;
    std::vector<std::vector<uint32_t>> rows_of_file;  ///< data rows of each file of the view
  };

  static const Table& TableOf(const Setting& setting) {
    static std::map<std::string, Table> tables;
    Table& table = tables[SettingName({setting, 0})];
    if (table.session == nullptr) table = Build(setting);
    return table;
  }

  static Table Build(const Setting& setting) {
    const LabelledData& data = DataOf(setting);
    std::shared_ptr<CatalogProvider> catalog =
        HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
    const VectorStoragePolicy policy{"v", static_cast<int32_t>(data.dim), setting.metric};
    auto writer = TableWriter::CreateOrOpen(catalog, kTable, TableProperties(policy),
                                            {.index = setting.index})
                      .ValueOrDie();
    for (int file = 0; file < setting.files; ++file) {
      std::vector<float> values;
      arrow::Int64Builder ids;
      for (size_t row = static_cast<size_t>(file); row < data.rows();
           row += static_cast<size_t>(setting.files)) {
        values.insert(values.end(), data.row(row), data.row(row) + data.dim);
        EXPECT_TRUE(ids.Append(static_cast<int64_t>(row)).ok());
      }
      const auto column = ids.Finish().ValueOrDie();
      const auto batch = arrow::RecordBatch::Make(
          arrow::schema({arrow::field("id", arrow::int64())}), column->length(), {column});
      const auto embeddings = EmbeddingsView::FromSpan(values, policy.dim).ValueOrDie();
      const Status written = writer->WriteBatch(*batch, embeddings);
      EXPECT_TRUE(written.ok()) << written;
    }
    EXPECT_TRUE(writer->Commit().ok());
    Table table;
    table.session = SearchSession::Open(catalog, kTable, {.threads = 1}).ValueOrDie();
    const auto view = table.session->view();
    auto scan = view->Scan({"id"}).ValueOrDie();
    for (size_t file = 0; file < view->files().size(); ++file) {
      std::shared_ptr<arrow::RecordBatch> batch;
      EXPECT_TRUE(scan->ReadNext(&batch).ok());
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
      auto& rows = table.rows_of_file.emplace_back();
      for (int64_t i = 0; i < ids.length(); ++i)
        rows.push_back(static_cast<uint32_t>(ids.Value(i)));
    }
    return table;
  }

  std::shared_ptr<const RowFilter> FilterOf(const std::function<bool(uint32_t)>& live) const {
    std::vector<std::vector<uint64_t>> words;
    for (const auto& rows : table_.rows_of_file) {
      auto& file = words.emplace_back((rows.size() + 63) / 64);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (live(rows[i])) file[i / 64] |= uint64_t{1} << (i % 64);
      }
    }
    return RowFilter::FromBitmaps(*table_.session->view(), std::move(words)).ValueOrDie();
  }

  /// Searches one query and adds to the score: how many of the results are as near as the true
  /// ten.
  void Ask(size_t query, const std::function<bool(uint32_t)>& live) {
    SearchRequest request;
    request.k = kK;
    if (live) request.filter = FilterOf(live);
    const auto hits = table_.session->SearchHits(std::span(data_.query(query), data_.dim), request);
    ASSERT_TRUE(hits.ok()) << hits.status();
    const auto truth = RowsByDistance(data_, GetParam().metric, query, live);
    ASSERT_EQ(hits->size(), std::min<size_t>(kK, truth.size())) << "query " << query;
    if (truth.empty()) return;
    const auto distance = [&](uint32_t row) {
      return DistanceOf(GetParam().metric, data_.query(query), data_.row(row), data_.dim);
    };
    const double last = distance(truth[std::min<size_t>(kK, truth.size()) - 1]);
    const double limit = last + 1e-6 * std::max(1.0, std::abs(last));
    std::set<uint32_t> seen;
    for (const SearchHit& hit : *hits) {
      const uint32_t row = table_.rows_of_file.at(hit.file).at(hit.row);
      EXPECT_TRUE(seen.insert(row).second) << "row " << row << " was found twice";
      EXPECT_TRUE(!live || live(row)) << "row " << row << " is not live";
      EXPECT_NEAR(hit.distance, distance(row), 2e-4 * std::max(1.0, std::abs(last)));
      right_ += distance(row) <= limit;
    }
    wanted_ += hits->size();
  }

  double recall() const {
    return wanted_ == 0 ? 1 : static_cast<double>(right_) / static_cast<double>(wanted_);
  }

  const LabelledData& data_ = DataOf(GetParam());
  const Table& table_ = TableOf(GetParam());
  size_t right_ = 0;
  size_t wanted_ = 0;
};

TEST_P(RecallTest, WithoutAFilter) {
  for (size_t query = 0; query < data_.query_count(); ++query) Ask(query, nullptr);
  EXPECT_GE(recall(), kFloor);
}

TEST_P(RecallTest, AfterATenthOfTheRowsWasDeleted) {
  std::mt19937 random(3);
  std::vector<bool> live(data_.rows());
  for (size_t row = 0; row < live.size(); ++row) live[row] = random() % 10 != 0;
  for (size_t query = 0; query < data_.query_count(); ++query) {
    Ask(query, [&](uint32_t row) { return live[row]; });
  }
  EXPECT_GE(recall(), kFloor);
}

TEST_P(RecallTest, UnderRandomFilters) {
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    std::mt19937 random(5);
    std::vector<bool> live(data_.rows());
    for (size_t row = 0; row < live.size(); ++row) {
      live[row] = static_cast<double>(random() % 100'000) < share * 100'000;
    }
    right_ = wanted_ = 0;
    for (size_t query = 0; query < data_.query_count(); ++query) {
      Ask(query, [&](uint32_t row) { return live[row]; });
    }
    EXPECT_GE(recall(), kFloor) << "share " << share;
  }
}

TEST_P(RecallTest, UnderFiltersThatLeaveTheFarthestRows) {
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    right_ = wanted_ = 0;
    for (size_t query = 0; query < data_.query_count(); query += 2) {
      const auto order = RowsByDistance(data_, GetParam().metric, query, nullptr);
      const auto kept = static_cast<size_t>(share * static_cast<double>(order.size()));
      std::vector<bool> live(data_.rows());
      for (size_t i = order.size() - kept; i < order.size(); ++i) live[order[i]] = true;
      Ask(query, [&](uint32_t row) { return live[row]; });
    }
    EXPECT_GE(recall(), kFloor) << "share " << share;
  }
}

TEST_P(RecallTest, OfExactSearchIsWhole) {
  for (size_t query = 0; query < data_.query_count(); query += 5) {
    SearchRequest request;
    request.k = kK;
    request.exact = true;
    const auto hits =
        table_.session->SearchHits(std::span(data_.query(query), data_.dim), request).ValueOrDie();
    const auto truth = RowsByDistance(data_, GetParam().metric, query, nullptr);
    for (size_t i = 0; i < kK; ++i) {
      EXPECT_NEAR(hits[i].distance,
                  DistanceOf(GetParam().metric, data_.query(query), data_.row(truth[i]), data_.dim),
                  1e-3);
    }
  }
}

std::vector<Setting> Settings() {
  std::vector<Setting> settings;
  for (const int files : {1, 4, 16}) {
    settings.push_back({"wordnet", IndexType::kHnsw, files, VectorMetric::kCosine});
    settings.push_back({"wordnet", IndexType::kIvfPq, files, VectorMetric::kCosine});
    settings.push_back({"mixture", IndexType::kHnsw, files, VectorMetric::kEuclidean});
    settings.push_back({"mixture", IndexType::kIvfPq, files, VectorMetric::kEuclidean});
  }
  for (const IndexType index : {IndexType::kHnsw, IndexType::kIvfPq, IndexType::kFlat}) {
    settings.push_back({"mixture", index, 1, VectorMetric::kDotProduct});
  }
  return settings;
}

INSTANTIATE_TEST_SUITE_P(Defaults, RecallTest, ::testing::ValuesIn(Settings()), SettingName);

}  // namespace
}  // namespace tarn::testing
