// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema_change.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tarn::iceberg {
namespace {

using Where = FieldPlace::Where;

template <typename... Parts>
Status Bad(Parts&&... parts) {
  return Error(ErrorKind::kBadInput, std::forward<Parts>(parts)...);
}

/// The siblings among which the field stands; nullptr when it is not there.
std::vector<NestedField>* SiblingsOf(std::vector<NestedField>& fields, int32_t id) {
  for (auto& field : fields) {
    if (field.id == id) return &fields;
    if (auto* inner = SiblingsOf(field.type.fields, id)) return inner;
  }
  return nullptr;
}

/// The fields from the root down to the one with this id.
bool TrailTo(const std::vector<NestedField>& fields, int32_t id,
             std::vector<const NestedField*>* trail) {
  for (const auto& field : fields) {
    trail->push_back(&field);
    if (field.id == id || TrailTo(field.type.fields, id, trail)) return true;
    trail->pop_back();
  }
  return false;
}

bool MayWiden(const Type& from, const Type& to) {
  if (from.id == TypeId::kInt) return to.id == TypeId::kLong;
  if (from.id == TypeId::kFloat) return to.id == TypeId::kDouble;
  return from.id == TypeId::kDecimal && to.id == TypeId::kDecimal && from.scale == to.scale &&
         from.precision < to.precision;
}

/// Applies one change after the other. Names are those of `original`, or of columns added since.
class Evolution {
 public:
  Evolution(const Schema& schema, int32_t last_column_id)
      : original_(schema), next_(schema), last_id_(last_column_id) {}

  Result<Schema> Finish() {
    if (next_.fields.empty()) return Bad("the table would have no column left");
    return std::move(next_);
  }

  Status operator()(const change::AddColumn& add);
  Status operator()(const change::DropColumn& drop);
  Status operator()(const change::RenameColumn& rename);
  Status operator()(const change::WidenColumn& widen);
  Status operator()(const change::MakeOptional& optional);
  Status operator()(const change::MoveColumn& move);
  Status operator()(const change::SetDoc& doc);

 private:
  Result<int32_t> ParentOf(const change::AddColumn& add) const;
  /// A column of the original that was not dropped, as it is now.
  Result<NestedField*> Existing(const std::string& path);
  /// The same, or a column added by this call.
  Result<NestedField*> Any(const std::string& path);
  Status CheckWithinKey(const NestedField& field, const std::string& path) const;
  /// Names and structure of list elements, map keys and values are fixed.
  bool IsStructField(int32_t id) const;
  Status Move(const std::string& path, const FieldPlace& place);

  const Schema& original_;
  Schema next_;
  int32_t last_id_;
  std::map<std::string, int32_t> added_;  ///< by path
  std::set<int32_t> dropped_;
  std::set<int32_t> changed_;   ///< fields of the original that were changed
  std::set<int32_t> extended_;  ///< structs that got a field; 0: the root
};

Result<NestedField*> Evolution::Existing(const std::string& path) {
  const NestedField* field = original_.FindPath(path);
  if (field == nullptr) return Bad("there is no column '", path, "'");
  auto* siblings = SiblingsOf(next_.fields, field->id);
  if (siblings == nullptr) return Bad("column '", path, "' is dropped by the same call");
  return &*std::find_if(siblings->begin(), siblings->end(),
                        [&](const NestedField& f) { return f.id == field->id; });
}

Result<NestedField*> Evolution::Any(const std::string& path) {
  const auto added = added_.find(path);
  if (added == added_.end()) return Existing(path);
  auto* siblings = SiblingsOf(next_.fields, added->second);
  if (siblings == nullptr) return Bad("column '", path, "' is dropped by the same call");
  return &*std::find_if(siblings->begin(), siblings->end(),
                        [&](const NestedField& f) { return f.id == added->second; });
}

Status Evolution::CheckWithinKey(const NestedField& field, const std::string& path) const {
  std::vector<const NestedField*> trail;
  TrailTo(next_.fields, field.id, &trail);
  for (size_t i = 0; i + 1 < trail.size(); ++i) {
    if (trail[i]->type.id == TypeId::kMap && trail[i + 1] == trail[i]->type.fields.data()) {
      return Bad("column '", path, "' is a part of a map's key, which cannot be changed");
    }
  }
  return Status::OK();
}

bool Evolution::IsStructField(int32_t id) const {
  std::vector<const NestedField*> trail;
  TrailTo(next_.fields, id, &trail);
  return trail.size() < 2 || trail[trail.size() - 2]->type.id == TypeId::kStruct;
}

Result<int32_t> Evolution::ParentOf(const change::AddColumn& add) const {
  if (add.parent.empty()) return 0;
  const NestedField* parent = original_.FindPath(add.parent);
  if (parent == nullptr) return Bad("there is no column '", add.parent, "' to add a field to");
  if (parent->type.id == TypeId::kList) parent = &parent->type.fields[0];
  if (parent->type.id == TypeId::kMap) parent = &parent->type.fields[1];
  if (parent->type.id != TypeId::kStruct) {
    return Bad("column '", add.parent, "' is ", parent->type.ToString(),
               "; fields can be added to structs only");
  }
  return parent->id;
}

Status Evolution::operator()(const change::AddColumn& add) {
  const std::string path = add.parent.empty() ? add.name : add.parent + "." + add.name;
  if (add.name.empty()) return Bad("a new column needs a name");
  ARROW_ASSIGN_OR_RAISE(const int32_t parent, ParentOf(add));
  const auto find_in = [&](const Schema& schema) {
    return parent == 0 ? &schema.fields : &schema.FindField(parent)->type.fields;
  };
  // Of a parent that is dropped nothing is left in next_.
  if (parent != 0 && next_.FindField(parent) == nullptr) {
    return Bad("column '", add.parent, "' is dropped by the same call");
  }
  for (const auto& known : *find_in(original_)) {
    if (known.name == add.name && dropped_.count(known.id) == 0) {
      return Bad("there is a column '", path, "' already");
    }
  }
  if (added_.count(path) != 0) return Bad("column '", path, "' is added twice");
  if (parent != 0) {
    ARROW_RETURN_NOT_OK(CheckWithinKey(*next_.FindField(parent), path));
  }
  Schema fresh;
  fresh.fields.push_back({0, add.name, false, add.type, add.doc, {}});
  const int32_t id = last_id_ + 1;
  last_id_ = AssignFreshIds(fresh, id);
  auto* siblings = const_cast<std::vector<NestedField>*>(find_in(next_));
  siblings->push_back(std::move(fresh.fields[0]));
  added_[path] = id;
  extended_.insert(parent);
  return add.place.where == Where::kLast ? Status::OK() : Move(path, add.place);
}

Status Evolution::operator()(const change::DropColumn& drop) {
  ARROW_ASSIGN_OR_RAISE(const NestedField* field, Existing(drop.path));
  const int32_t id = field->id;
  if (!IsStructField(id)) {
    return Bad("'", drop.path, "' is a part of a list or a map and cannot be dropped alone");
  }
  ARROW_RETURN_NOT_OK(CheckWithinKey(*field, drop.path));
  if (extended_.count(id) != 0 || changed_.count(id) != 0) {
    return Bad("column '", drop.path, "' is changed and dropped by the same call");
  }
  for (const int32_t key : next_.identifier_field_ids) {
    std::vector<const NestedField*> trail;
    TrailTo(next_.fields, key, &trail);
    const bool within = std::any_of(trail.begin(), trail.end(),
                                    [&](const NestedField* step) { return step->id == id; });
    if (within) {
      return Bad("column '", drop.path, "' cannot be dropped: '", trail.back()->name,
                 "' is an identifier field of the table");
    }
  }
  auto* siblings = SiblingsOf(next_.fields, id);
  std::erase_if(*siblings, [&](const NestedField& f) { return f.id == id; });
  dropped_.insert(id);
  return Status::OK();
}

Status Evolution::operator()(const change::RenameColumn& rename) {
  ARROW_ASSIGN_OR_RAISE(NestedField * field, Existing(rename.path));
  if (rename.name.empty()) return Bad("column '", rename.path, "' needs a new name");
  if (!IsStructField(field->id)) {
    return Bad("'", rename.path, "' is a part of a list or a map and has no name of its own");
  }
  ARROW_RETURN_NOT_OK(CheckWithinKey(*field, rename.path));
  field->name = rename.name;
  changed_.insert(field->id);
  return Status::OK();
}

Status Evolution::operator()(const change::WidenColumn& widen) {
  ARROW_ASSIGN_OR_RAISE(NestedField * field, Any(widen.path));
  if (field->type == widen.type) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckWithinKey(*field, widen.path));
  if (!MayWiden(field->type, widen.type)) {
    return Bad("column '", widen.path, "' is ", field->type.ToString(), " and cannot become ",
               widen.type.ToString(),
               "; int can become long, float double, and a decimal one of more digits");
  }
  field->type = widen.type;
  changed_.insert(field->id);
  return Status::OK();
}

Status Evolution::operator()(const change::MakeOptional& optional) {
  ARROW_ASSIGN_OR_RAISE(NestedField * field, Any(optional.path));
  ARROW_RETURN_NOT_OK(CheckWithinKey(*field, optional.path));
  std::vector<const NestedField*> trail;
  TrailTo(next_.fields, field->id, &trail);
  if (trail.size() > 1 && trail[trail.size() - 2]->type.id == TypeId::kMap &&
      field == trail[trail.size() - 2]->type.fields.data()) {
    return Bad("'", optional.path, "' is a map's key, which is always required");
  }
  const auto& keys = next_.identifier_field_ids;
  for (const int32_t key : keys) {
    std::vector<const NestedField*> to_key;
    TrailTo(next_.fields, key, &to_key);
    if (std::find(to_key.begin(), to_key.end(), field) != to_key.end()) {
      return Bad("column '", optional.path, "' must stay required: '", to_key.back()->name,
                 "' is an identifier field of the table");
    }
  }
  field->required = false;
  changed_.insert(field->id);
  return Status::OK();
}

Status Evolution::operator()(const change::SetDoc& doc) {
  ARROW_ASSIGN_OR_RAISE(NestedField * field, Any(doc.path));
  field->doc = doc.doc;
  changed_.insert(field->id);
  return Status::OK();
}

Status Evolution::operator()(const change::MoveColumn& move) { return Move(move.path, move.place); }

Status Evolution::Move(const std::string& path, const FieldPlace& place) {
  ARROW_ASSIGN_OR_RAISE(const NestedField* field, Any(path));
  const int32_t id = field->id;
  if (!IsStructField(id)) {
    return Bad("'", path, "' is a part of a list or a map and cannot be moved");
  }
  auto* siblings = SiblingsOf(next_.fields, id);
  int32_t sibling = 0;
  if (place.where == Where::kAfter || place.where == Where::kBefore) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* other, Any(place.sibling));
    sibling = other->id;
    if (sibling == id) return Bad("column '", path, "' cannot be moved beside itself");
    if (SiblingsOf(next_.fields, sibling) != siblings) {
      return Bad("columns '", path, "' and '", place.sibling, "' are not fields of one struct");
    }
  }
  const auto at = [&](int32_t wanted) {
    return std::find_if(siblings->begin(), siblings->end(),
                        [&](const NestedField& f) { return f.id == wanted; });
  };
  NestedField moved = std::move(*at(id));
  siblings->erase(at(id));
  auto target = place.where == Where::kFirst ? siblings->begin() : siblings->end();
  if (sibling != 0) target = at(sibling) + (place.where == Where::kAfter ? 1 : 0);
  siblings->insert(target, std::move(moved));
  return Status::OK();
}

/// Columns that the table's layout is computed from.
Status CheckSourcesKept(const TableMetadata& table, const Schema& next) {
  const Schema& before = table.CurrentSchema();
  const auto lost = [&](int32_t id) -> const NestedField* {
    const NestedField* field = before.FindField(id);
    return field != nullptr && next.FindField(id) == nullptr ? field : nullptr;
  };
  for (const auto& spec : table.partition_specs) {
    for (const auto& part : spec.fields) {
      const NestedField* field = part.transform == "void" ? nullptr : lost(part.source_id);
      if (field == nullptr) continue;
      return Bad("column '", field->name, "' cannot be dropped: partition spec ", spec.spec_id,
                 " has its ", part.transform);
    }
  }
  if (const SortOrder* order = table.FindSortOrder(table.default_sort_order_id)) {
    for (const auto& part : order->fields) {
      if (const NestedField* field = lost(part.source_id)) {
        return Bad("column '", field->name, "' cannot be dropped: the table is sorted by it");
      }
    }
  }
  return Status::OK();
}

}  // namespace

Result<Schema> ApplySchemaChanges(const Schema& schema, int32_t last_column_id,
                                  const std::vector<SchemaChange>& changes) {
  Evolution evolution(schema, std::max(last_column_id, schema.HighestFieldId()));
  for (const auto& change : changes) ARROW_RETURN_NOT_OK(std::visit(evolution, change));
  ARROW_ASSIGN_OR_RAISE(auto next, evolution.Finish());
  // Only now: names may be swapped on the way.
  ARROW_RETURN_NOT_OK(next.Validate(kNewestFormatVersion));
  return next;
}

Result<Schema> EvolveSchema(const TableMetadata& table, const std::vector<SchemaChange>& changes) {
  if (table.CurrentSchema().fields.empty()) {
    return Bad("the table has no columns yet; its first batch gives them");
  }
  ARROW_ASSIGN_OR_RAISE(auto next,
                        ApplySchemaChanges(table.CurrentSchema(), table.last_column_id, changes));
  ARROW_RETURN_NOT_OK(next.Validate(table.format_version));
  ARROW_RETURN_NOT_OK(CheckSourcesKept(table, next));
  return next;
}

}  // namespace tarn::iceberg
