// SPDX-License-Identifier: Apache-2.0
#include "tarn/alter_table.h"

#include <algorithm>

#include "arrow/api.h"
#include "catalog/commit_attempt.h"
#include "format/storable_schema.h"
#include "iceberg/schema_change.h"
#include "table/codebook/codebook_record.h"
#include "table/current_properties.h"
#include "table/schema_arrow.h"

namespace tarn {
namespace {

namespace ic = iceberg::change;

Result<iceberg::Type> TypeOf(const std::string& path,
                             const std::shared_ptr<arrow::DataType>& type) {
  if (type == nullptr) return Error(ErrorKind::kBadInput, "column '", path, "' needs a type");
  ARROW_ASSIGN_OR_RAISE(const auto field, format::StorableField(*arrow::field(path, type)));
  ARROW_ASSIGN_OR_RAISE(auto schema, NewTableSchema(*arrow::schema({field}), {}));
  return std::move(schema.fields[0].type);
}

iceberg::FieldPlace PlaceOf(const ColumnPlace& place) {
  using Where = iceberg::FieldPlace::Where;
  constexpr Where kWhere[] = {Where::kLast, Where::kFirst, Where::kAfter, Where::kBefore};
  return {kWhere[static_cast<size_t>(place.where)], place.sibling};
}

/// "a.b.c" -> {"a.b", "c"}.
std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string::npos) return {"", path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// Translates the public changes into those of the schema, and keeps the policies in step.
class Alteration {
 public:
  static Result<Alteration> Of(const iceberg::TableMetadata& metadata) {
    Alteration made(metadata);
    ARROW_ASSIGN_OR_RAISE(made.properties_, CurrentProperties(metadata));
    for (const auto& policy : made.properties_.vectors) {
      const auto* field = metadata.CurrentSchema().FindColumn(policy.column_name);
      made.vector_ids_.push_back(field != nullptr ? field->id : 0);
    }
    return made;
  }

  Status operator()(const AddColumn& add) {
    auto [parent, name] = SplitPath(add.path);
    ARROW_ASSIGN_OR_RAISE(auto type, TypeOf(add.path, add.type));
    changes_.push_back(ic::AddColumn{std::move(parent), std::move(name), std::move(type), add.doc,
                                     PlaceOf(add.place)});
    return Status::OK();
  }

  Status operator()(const AddVectorColumn& add) {
    ARROW_RETURN_NOT_OK(add.policy.Validate());
    auto type = iceberg::Type::List(0, iceberg::Type::Of(iceberg::TypeId::kFloat), true);
    changes_.push_back(
        ic::AddColumn{"", add.policy.column_name, std::move(type), add.doc, PlaceOf(add.place)});
    properties_.vectors.push_back(add.policy);
    vector_ids_.push_back(0);
    vectors_changed_ = true;
    return Status::OK();
  }

  Status operator()(const DropColumn& drop) {
    changes_.push_back(ic::DropColumn{drop.path});
    if (const auto vector = FindVector(drop.path)) {
      dropped_codebooks_.push_back(CodebookRecord::PropertyKey(vector_ids_[*vector]));
      properties_.vectors.erase(properties_.vectors.begin() + static_cast<ptrdiff_t>(*vector));
      vector_ids_.erase(vector_ids_.begin() + static_cast<ptrdiff_t>(*vector));
      vectors_changed_ = true;
    }
    return Status::OK();
  }

  Status operator()(const RenameColumn& rename) {
    changes_.push_back(ic::RenameColumn{rename.path, rename.name});
    if (const auto vector = FindVector(rename.path)) {
      properties_.vectors[*vector].column_name = rename.name;
      vectors_changed_ = true;
    }
    return Status::OK();
  }

  Status operator()(const WidenColumn& widen) {
    ARROW_RETURN_NOT_OK(CheckNoElement(widen.path));
    ARROW_ASSIGN_OR_RAISE(auto type, TypeOf(widen.path, widen.type));
    changes_.push_back(ic::WidenColumn{widen.path, std::move(type)});
    return Status::OK();
  }

  Status operator()(const MakeOptional& optional) {
    ARROW_RETURN_NOT_OK(CheckNoElement(optional.path));
    changes_.push_back(ic::MakeOptional{optional.path});
    return Status::OK();
  }

  Status operator()(const MoveColumn& move) {
    changes_.push_back(ic::MoveColumn{move.path, PlaceOf(move.place)});
    return Status::OK();
  }

  Status operator()(const SetColumnDoc& doc) {
    changes_.push_back(ic::SetDoc{doc.path, doc.doc});
    return Status::OK();
  }

  Result<iceberg::Schema> NextSchema() const { return iceberg::EvolveSchema(metadata_, changes_); }

  /// The property updates that go with the schema.
  Result<std::vector<iceberg::TableUpdate>> PropertyUpdates() const {
    std::vector<iceberg::TableUpdate> updates;
    if (!vectors_changed_) return updates;
    ARROW_ASSIGN_OR_RAISE(auto next, properties_.ToIceberg());
    for (const auto& key : dropped_codebooks_) next.erase(key);
    iceberg::update::SetProperties set;
    for (const auto& [key, value] : next) {
      const std::string* known = metadata_.FindProperty(key);
      if (known == nullptr || *known != value) set.properties[key] = value;
    }
    iceberg::update::RemoveProperties remove;
    for (const auto& [key, value] : metadata_.properties) {
      if (next.count(key) == 0) remove.keys.push_back(key);
    }
    if (!set.properties.empty()) updates.push_back({std::move(set)});
    if (!remove.keys.empty()) updates.push_back({std::move(remove)});
    return updates;
  }

 private:
  explicit Alteration(const iceberg::TableMetadata& metadata) : metadata_(metadata) {}

  /// The policy of the column of that name, as the names were before the call.
  std::optional<size_t> FindVector(const std::string& path) const {
    const auto* field = metadata_.CurrentSchema().FindPath(path);
    if (field == nullptr) return std::nullopt;
    const auto found = std::find(vector_ids_.begin(), vector_ids_.end(), field->id);
    if (found == vector_ids_.end()) return std::nullopt;
    return static_cast<size_t>(found - vector_ids_.begin());
  }

  /// The floats of a vector column are what its policy says, for ever.
  Status CheckNoElement(const std::string& path) const {
    const auto [parent, name] = SplitPath(path);
    if (parent.empty() || !FindVector(parent)) return Status::OK();
    return Error(ErrorKind::kBadInput, "column '", parent,
                 "' is a vector column; what its elements are cannot be changed");
  }

  const iceberg::TableMetadata& metadata_;
  TableProperties properties_;
  std::vector<int32_t> vector_ids_;  ///< of properties_.vectors; 0: added by this call
  std::vector<iceberg::SchemaChange> changes_;
  std::vector<std::string> dropped_codebooks_;
  bool vectors_changed_ = false;
};

/// What an earlier attempt of the same call wanted the schema to be.
struct Proposal {
  iceberg::Schema schema;
  int32_t before = 0;  ///< the id of the schema that it was to replace
  size_t schemas = 0;  ///< how many the table had
};

/// Whether the proposal is found in the table: then an attempt of unknown outcome went through.
bool InEffect(const Proposal& proposal, const iceberg::TableMetadata& metadata) {
  if (metadata.current_schema_id != proposal.before &&
      metadata.CurrentSchema().SameAs(proposal.schema)) {
    return true;
  }
  // Others may have changed it further since.
  for (size_t i = proposal.schemas; i < metadata.schemas.size(); ++i) {
    if (metadata.schemas[i].SameAs(proposal.schema)) return true;
  }
  return false;
}

Result<CommitPlan> PlanAlteration(const TableState& base, const std::vector<TableChange>& changes,
                                  std::optional<Proposal>* proposal) {
  const auto& metadata = *base.metadata;
  if (*proposal && InEffect(**proposal, metadata)) return CommitPlan{};
  ARROW_ASSIGN_OR_RAISE(auto alteration, Alteration::Of(metadata));
  for (const auto& change : changes) ARROW_RETURN_NOT_OK(std::visit(alteration, change));
  ARROW_ASSIGN_OR_RAISE(auto schema, alteration.NextSchema());
  CommitPlan plan;
  if (schema.SameAs(metadata.CurrentSchema())) return plan;
  ARROW_ASSIGN_OR_RAISE(plan.updates, alteration.PropertyUpdates());
  plan.requirements.push_back(
      {iceberg::requirement::AssertCurrentSchemaId{metadata.current_schema_id}});
  plan.requirements.push_back(
      {iceberg::requirement::AssertLastAssignedFieldId{metadata.last_column_id}});
  *proposal = Proposal{schema, metadata.current_schema_id, metadata.schemas.size()};
  plan.updates.push_back({iceberg::update::AddSchema{std::move(schema)}});
  plan.updates.push_back({iceberg::update::SetCurrentSchema{}});
  return plan;
}

}  // namespace

Result<TableState> AlterTable(CatalogProvider& catalog, const TableIdent& table,
                              const std::vector<TableChange>& changes) {
  std::optional<Proposal> proposal;
  CommitAttempt attempt(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    auto plan = PlanAlteration(base, changes, &proposal);
    if (!plan.ok()) return WithContext(plan.status(), "table " + table.ToString());
    return plan;
  });
  ARROW_ASSIGN_OR_RAISE(auto done, attempt.Commit());
  return std::move(done.state);
}

}  // namespace tarn
