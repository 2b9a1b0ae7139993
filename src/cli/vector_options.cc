// SPDX-License-Identifier: Apache-2.0
#include "cli/vector_options.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "arrow/api.h"

namespace tarn::cli {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

Result<int32_t> ListLength(const arrow::Array& array) {
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsNull(i)) continue;
    switch (array.type_id()) {
      case arrow::Type::LIST:
        return static_cast<const arrow::ListArray&>(array).value_length(i);
      case arrow::Type::LARGE_LIST:
        return static_cast<int32_t>(
            static_cast<const arrow::LargeListArray&>(array).value_length(i));
      case arrow::Type::FIXED_SIZE_LIST:
        return static_cast<const arrow::FixedSizeListArray&>(array).value_length(i);
      default:
        return Error(ErrorKind::kBadInput, "the embedding column is ", array.type()->ToString(),
                     ", not a list");
    }
  }
  return Error(ErrorKind::kBadInput,
               "no row of the first batch has an embedding; give the dimension with --dim");
}

}  // namespace

Result<int32_t> VectorLength(const arrow::RecordBatch& batch, const std::string& column) {
  const auto vectors = batch.GetColumnByName(column);
  if (!vectors) {
    return Error(ErrorKind::kBadInput, "the input has no column '", column,
                 "'; name the embedding column with --vector");
  }
  return ListLength(*vectors);
}

Result<OnBadVectors> ParseOnBadVectors(const std::string& text) {
  if (text == "error") return OnBadVectors::kError;
  if (text == "null") return OnBadVectors::kNull;
  if (text == "drop") return OnBadVectors::kDrop;
  return Error(ErrorKind::kBadInput, "--on-bad-vectors is error, null or drop, not '", text, "'");
}

Result<std::optional<IndexType>> ParseIndexChoice(const std::string& text) {
  if (text == "none") return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const IndexType type, ParseIndexType(text));
  return type;
}

Result<VectorStoragePolicy> ParseVectorColumn(const std::string& text) {
  const auto parts = Split(text, ':');
  if (parts.size() < 2 || parts.size() > 4) {
    return Error(ErrorKind::kBadInput, "--add-vector '", text,
                 "': write NAME:DIM[:METRIC[:PRECISION]]");
  }
  VectorStoragePolicy policy;
  policy.column_name = parts[0];
  const auto& dim = parts[1];
  const auto parsed = std::from_chars(dim.data(), dim.data() + dim.size(), policy.dim);
  if (parsed.ec != std::errc() || parsed.ptr != dim.data() + dim.size()) {
    return Error(ErrorKind::kBadInput, "--add-vector '", text, "': '", dim, "' is no dimension");
  }
  if (parts.size() > 2) {
    ARROW_ASSIGN_OR_RAISE(policy.metric, ParseMetric(parts[2]));
  }
  if (parts.size() > 3) {
    ARROW_ASSIGN_OR_RAISE(policy.precision, ParsePrecision(parts[3]));
  }
  ARROW_RETURN_NOT_OK(policy.Validate());
  return policy;
}

void VectorOptions::AddTo(CLI::App& command) {
  command.add_option("--vector", column, "Name of the embedding column (the primary one)")
      ->type_name("COLUMN");
  command.add_option("--dim", dim, "Its dimension")->type_name("N");
  command.add_option("--metric", metric, "cosine, euclidean, dot_product or normalized_cosine");
  command.add_option(
      "--precision", precision,
      "f32; f16 or i8: values are rounded once, files are half or a quarter the size");
  command.add_flag(
      "--no-raw", no_raw,
      "Keep no vectors for exact rerank beside an f16 or i8 column: smaller, results approximate");
  command
      .add_option("--add-vector", further, "A further vector column: NAME:DIM[:METRIC[:PRECISION]]")
      ->type_name("COLUMN");
  command.add_option("--hnsw-m", hnsw.m, "Graph: half the links of a row");
  command.add_option("--ef-construction", hnsw.ef_construction,
                     "Graph: candidates kept while building");
  command.add_option("--ef-search", hnsw.ef_search,
                     "Graph: candidates kept while searching, by default");
  command.add_option("--code-bits", hnsw.code_bits,
                     "Graph: 8 keeps finer codes too, so that fewer exact vectors are read");
  command.add_option("--ivf-nlist", ivf_pq.nlist,
                     "Inverted lists of the table's codebook (0: chosen from the first file)");
  command.add_option("--ivf-nprobe", ivf_pq.nprobe,
                     "Inverted lists a search looks into by default (0: chosen)");
  command.add_option("--ivf-m", ivf_pq.m, "Sub-vectors of a code (0: chosen from --ivf-bits)");
  command.add_option("--ivf-bits", ivf_pq.bits, "Bits of a sub-vector's code: 4 or 8");
  command.add_option("--property", properties, "A table property, KEY=VALUE; may be repeated")
      ->type_name("KEY=VALUE");
}

Result<TableProperties> VectorOptions::ToProperties() const {
  TableProperties result;
  if (!column.empty()) {
    VectorStoragePolicy policy;
    policy.column_name = column;
    policy.dim = dim;
    ARROW_ASSIGN_OR_RAISE(policy.metric, ParseMetric(metric));
    ARROW_ASSIGN_OR_RAISE(policy.precision, ParsePrecision(precision));
    policy.keep_raw_for_reranking = !no_raw;
    if (dim == 0) {
      return Error(ErrorKind::kBadInput, "--vector ", column, " needs its dimension: add --dim N");
    }
    ARROW_RETURN_NOT_OK(policy.Validate());
    result.vectors.push_back(std::move(policy));
  } else if (!further.empty()) {
    return Error(ErrorKind::kBadInput,
                 "--add-vector needs a primary column: name it with --vector");
  }
  for (const auto& text : further) {
    ARROW_ASSIGN_OR_RAISE(auto policy, ParseVectorColumn(text));
    result.vectors.push_back(std::move(policy));
  }
  ARROW_RETURN_NOT_OK(hnsw.Validate());
  result.hnsw = hnsw;
  result.ivf_pq = ivf_pq;
  for (const auto& property : properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorKind::kBadInput, "--property '", property, "': write KEY=VALUE");
    }
    result.extra[property.substr(0, equals)] = property.substr(equals + 1);
  }
  return result;
}

}  // namespace tarn::cli
