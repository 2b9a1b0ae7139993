// SPDX-License-Identifier: Apache-2.0
//
// The rows are copied, leaf by leaf, into a small Parquet file in memory, which Parquet's own Arrow
// reader then assembles: nested columns of any shape take the same path as flat ones.
#include "table/file/row_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/io/memory.h"
#include "base/bytes.h"
#include "format/embedding_list.h"
#include "parquet/arrow/reader.h"
#include "parquet/column_writer.h"
#include "parquet/exception.h"
#include "parquet/file_reader.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"
#include "table/file/leaf_copier.h"
#include "table/file/raw_vectors.h"

namespace tarn {
namespace {

using parquet::schema::GroupNode;
using parquet::schema::Node;
using parquet::schema::NodePtr;
using parquet::schema::PrimitiveNode;

/// A schema node belongs to one tree only, so it is copied into another.
NodePtr CopyNode(const Node& node) {
  if (node.is_primitive()) {
    const auto& leaf = static_cast<const PrimitiveNode&>(node);
    return PrimitiveNode::Make(leaf.name(), leaf.repetition(), leaf.logical_type(),
                               leaf.physical_type(), leaf.type_length(), leaf.field_id());
  }
  const auto& group = static_cast<const GroupNode&>(node);
  parquet::schema::NodeVector children;
  for (int i = 0; i < group.field_count(); ++i) children.push_back(CopyNode(*group.field(i)));
  // A group without an annotation says "none", which the constructor does not take.
  const bool annotated = group.logical_type() != nullptr && group.logical_type()->is_nested();
  return GroupNode::Make(group.name(), group.repetition(), children,
                         annotated ? group.logical_type() : nullptr, group.field_id());
}

/// Ascending rows of one row group, counted from its first.
struct GroupRows {
  int row_group = 0;
  std::vector<uint32_t> rows;
};

std::vector<GroupRows> SplitByGroup(const parquet::FileMetaData& metadata,
                                    std::span<const uint32_t> sorted) {
  std::vector<GroupRows> groups;
  uint64_t start = 0;
  size_t at = 0;
  for (int group = 0; group < metadata.num_row_groups() && at < sorted.size(); ++group) {
    const uint64_t end = start + static_cast<uint64_t>(metadata.RowGroup(group)->num_rows());
    GroupRows chosen{group, {}};
    for (; at < sorted.size() && sorted[at] < end; ++at)
      chosen.rows.push_back(static_cast<uint32_t>(sorted[at] - start));
    if (!chosen.rows.empty()) groups.push_back(std::move(chosen));
    start = end;
  }
  return groups;
}

std::vector<int> LeavesOf(const parquet::SchemaDescriptor& schema, const std::vector<int>& fields) {
  std::vector<int> leaves;
  for (const int field : fields) {
    const NodePtr root = schema.group_node()->field(field);
    for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
      if (schema.GetColumnRoot(leaf) == root.get()) leaves.push_back(leaf);
    }
  }
  return leaves;
}

/// A Parquet file of the given fields and rows.
Result<std::shared_ptr<arrow::Buffer>> CopyRows(const OpenedFile& file,
                                                std::span<const uint32_t> sorted,
                                                const std::vector<int>& fields) {
  const parquet::SchemaDescriptor& schema = *file.metadata->schema();
  parquet::schema::NodeVector nodes;
  for (const int field : fields) nodes.push_back(CopyNode(*schema.group_node()->field(field)));
  const NodePtr root = GroupNode::Make("schema", parquet::Repetition::REQUIRED, nodes);

  parquet::WriterProperties::Builder properties;
  properties.disable_dictionary()->disable_statistics()->compression(
      parquet::Compression::UNCOMPRESSED);
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::BufferOutputStream::Create());
  const auto writer = parquet::ParquetFileWriter::Open(
      out, std::static_pointer_cast<GroupNode>(root), properties.build());
  parquet::RowGroupWriter* group_writer = writer->AppendRowGroup();
  const auto reader = parquet::ParquetFileReader::Open(
      SourceOf(file.bytes->bytes()), parquet::default_reader_properties(), file.metadata);
  const std::vector<GroupRows> groups = SplitByGroup(*file.metadata, sorted);
  for (const int leaf : LeavesOf(schema, fields)) {
    parquet::ColumnWriter* column = group_writer->NextColumn();
    for (const GroupRows& group : groups) {
      ARROW_RETURN_NOT_OK(CopyLeafRows(file, *reader, group.row_group, leaf, group.rows, column));
    }
    column->Close();
  }
  writer->Close();
  return out->Finish();
}

Result<std::shared_ptr<arrow::Table>> DecodeRows(const OpenedFile& file,
                                                 std::span<const uint32_t> sorted,
                                                 const std::vector<int>& fields) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  ARROW_ASSIGN_OR_RAISE(const auto bytes, CopyRows(file, sorted, fields));
  auto parquet_reader =
      parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes));
  ARROW_ASSIGN_OR_RAISE(const auto reader, parquet::arrow::FileReader::Make(
                                               arrow::default_memory_pool(),
                                               std::move(parquet_reader), ReaderProperties()));
  return reader->ReadTable();
  END_PARQUET_CATCH_EXCEPTIONS
}

/// Vectors that need no decoding: f32 in the Parquet pages, or those in the index's section.
class StoredFloats {
 public:
  /// nullopt when the field's vectors lie in neither form.
  static std::optional<StoredFloats> Of(const OpenedFile& file, int field) {
    const ColumnSections* sections = file.Find(file.schema->field(field)->name());
    if (sections == nullptr) return std::nullopt;
    StoredFloats floats;
    floats.map_ = &sections->page_map;
    if (sections->policy.precision == VectorPrecision::kF32 && sections->page_map.has_floats()) {
      return floats;
    }
    const bool foreign = (sections->map_section.info().flags & format::kFlagForeign) != 0;
    // The rows that the map leaves out need not be null.
    if (foreign && floats.map_->vectors() != floats.map_->rows()) return std::nullopt;
    if (sections->index) floats.raw_ = RawVectors::Of(*sections->index);
    if (!floats.raw_) return std::nullopt;
    return floats;
  }

  uint32_t dim() const { return map_->dim(); }
  bool IsNull(uint32_t row) const { return !map_->HasVector(row); }

  /// False when the bytes are damaged at this row, which must be below the row count and not null.
  bool Copy(uint32_t row, float* out) const {
    if (!raw_) {
      const std::byte* at = map_->Find(row);
      if (at != nullptr) std::memcpy(out, at, dim() * sizeof(float));
      return at != nullptr;
    }
    const uint64_t rank = map_->Rank(row);
    if (rank >= raw_->count()) return false;
    WidenValues(raw_->precision(), raw_->step(), raw_->row(rank), dim(), out);
    return true;
  }

 private:
  const format::PageMap* map_ = nullptr;
  std::optional<RawVectors> raw_;
};

Result<std::shared_ptr<arrow::Array>> GatherVectors(const StoredFloats& stored,
                                                    std::span<const uint32_t> rows) {
  std::vector<int32_t> offsets{0};
  std::vector<float> values;
  std::vector<uint8_t> validity((rows.size() + 7) / 8);
  int64_t nulls = 0;
  values.reserve(rows.size() * stored.dim());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (stored.IsNull(rows[i])) {
      ++nulls;
    } else {
      validity[i / 8] |= static_cast<uint8_t>(1 << (i % 8));
      values.resize(values.size() + stored.dim());
      if (!stored.Copy(rows[i], values.data() + values.size() - stored.dim())) {
        return Error(ErrorKind::kCorrupt, "the page map has no place for row ", rows[i]);
      }
    }
    if (values.size() > INT32_MAX) {
      return Error(ErrorKind::kBadInput, "too many vectors in one read; ask for fewer rows");
    }
    offsets.push_back(static_cast<int32_t>(values.size()));
  }
  const auto count = static_cast<int64_t>(values.size());
  auto floats =
      std::make_shared<arrow::FloatArray>(count, arrow::Buffer::FromVector(std::move(values)));
  return std::make_shared<arrow::ListArray>(
      format::EmbeddingField("v", -1, -1)->type(), static_cast<int64_t>(rows.size()),
      arrow::Buffer::FromVector(std::move(offsets)), std::move(floats),
      nulls > 0 ? arrow::Buffer::FromVector(std::move(validity)) : nullptr, nulls);
}

/// The decoded fields for `rows`, which `sorted` holds in order and without repeats.
Result<std::shared_ptr<arrow::Table>> DecodeInOrder(const OpenedFile& file,
                                                    std::span<const uint32_t> rows,
                                                    std::span<const uint32_t> sorted,
                                                    const std::vector<int>& fields) {
  const auto decoded = DecodeRows(file, sorted, fields);
  if (!decoded.ok())
    return Error(ErrorKind::kCorrupt, "file '", file.path, "': ", decoded.status().message());
  if (std::equal(sorted.begin(), sorted.end(), rows.begin(), rows.end())) return decoded;
  std::vector<int64_t> take;
  for (const uint32_t row : rows) {
    take.push_back(std::lower_bound(sorted.begin(), sorted.end(), row) - sorted.begin());
  }
  const auto count = static_cast<int64_t>(take.size());
  const auto indices =
      std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(take)));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum taken, arrow::compute::Take(*decoded, indices));
  return taken.table();
}

}  // namespace

Result<std::shared_ptr<arrow::Table>> ReadFileRows(const OpenedFile& file,
                                                   std::span<const uint32_t> rows,
                                                   const std::vector<int>& fields) {
  std::vector<uint32_t> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (!sorted.empty() && sorted.back() >= static_cast<uint64_t>(file.rows())) {
    return Error(ErrorKind::kBadInput, "file '", file.path, "' has ", file.rows(),
                 " rows; there is no row ", sorted.back());
  }
  std::vector<int> decoded_fields;
  for (const int field : fields) {
    if (!StoredFloats::Of(file, field)) decoded_fields.push_back(field);
  }
  std::shared_ptr<arrow::Table> decoded;
  if (!decoded_fields.empty()) {
    ARROW_ASSIGN_OR_RAISE(decoded, DecodeInOrder(file, rows, sorted, decoded_fields));
  }
  arrow::FieldVector result_fields;
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  int next_decoded = 0;
  for (const int field : fields) {
    result_fields.push_back(file.schema->field(field));
    if (const auto stored = StoredFloats::Of(file, field)) {
      ARROW_ASSIGN_OR_RAISE(auto vectors, GatherVectors(*stored, rows));
      columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(vectors)));
    } else {
      columns.push_back(decoded->column(next_decoded++));
    }
  }
  return arrow::Table::Make(arrow::schema(std::move(result_fields)), std::move(columns),
                            static_cast<int64_t>(rows.size()));
}

}  // namespace tarn
