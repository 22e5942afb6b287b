//! The accounts and groups of the fault server.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::filter::field;
use super::patch;
use super::patch::Refusal;
use super::quirks::Quirks;
use super::schema;

/// Users or groups, as the path has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    User,
    Group,
}

impl Type {
    pub fn path(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    fn urn(self) -> &'static str {
        match self {
            Self::User => schema::USER,
            Self::Group => schema::GROUP,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Record {
    /// Without `schemas`, `id`, `meta` and `password`.
    pub value: Value,
    pub password: Option<String>,
    pub version: u64,
}

#[derive(Debug, Default)]
pub struct Store {
    records: BTreeMap<(Type, u64), Record>,
    last: u64,
}

impl Store {
    pub fn all(&self, kind: Type) -> impl Iterator<Item = (u64, &Record)> {
        self.records.iter().filter(move |((own, _), _)| *own == kind).map(|((_, id), record)| (*id, record))
    }

    pub fn find(&self, kind: Type, id: &str) -> Result<(u64, &Record), Refusal> {
        let found = id.parse().ok().and_then(|id| self.records.get(&(kind, id)).map(|record| (id, record)));
        found.ok_or_else(|| Refusal::new(404, "", format!("no resource `{id}`")))
    }

    pub fn create(&mut self, kind: Type, body: &Value, quirks: &Quirks) -> Result<u64, Refusal> {
        let record = self.read(kind, body, quirks, None)?;
        self.last += 1;
        self.records.insert((kind, self.last), record);
        Ok(self.last)
    }

    pub fn replace(&mut self, kind: Type, id: &str, body: &Value, quirks: &Quirks) -> Result<u64, Refusal> {
        let (id, before) = self.find(kind, id).map(|(id, record)| (id, record.clone()))?;
        let mut record = self.read(kind, body, quirks, Some(id))?;
        for name in quirks.immutable {
            if field_of(&record.value, name) != field_of(&before.value, name) {
                return Err(Refusal::new(400, "mutability", format!("`{name}` cannot change")));
            }
        }
        record.version = before.version + 1;
        record.password = record.password.or(before.password);
        self.records.insert((kind, id), record);
        Ok(id)
    }

    /// Does all operations or none.
    pub fn patch(&mut self, kind: Type, id: &str, operations: &[Value], quirks: &Quirks) -> Result<u64, Refusal> {
        let (id, before) = self.find(kind, id).map(|(id, record)| (id, record.clone()))?;
        if quirks.one_operation && operations.len() > 1 {
            return Err(Refusal::new(400, "invalidSyntax", "one operation for each request"));
        }
        let mut value = before.value.clone();
        for operation in operations {
            let attribute = patch::attribute_of(operation).unwrap_or_default();
            let is_among = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&attribute));
            if is_among(quirks.refused) {
                return Err(Refusal::new(400, "invalidPath", format!("`{attribute}` cannot be patched")));
            }
            if is_among(quirks.immutable) {
                return Err(Refusal::new(400, "mutability", format!("`{attribute}` cannot change")));
            }
            patch::apply(&mut value, operation)?;
        }
        let members = patch::members(&value).len().abs_diff(patch::members(&before.value).len());
        if quirks.members_max.is_some_and(|most| members > most) {
            return Err(Refusal::new(413, "tooMany", "too many members"));
        }
        if quirks.patch_without_effect {
            return Ok(id);
        }
        let mut record = self.read(kind, &value, quirks, Some(id))?;
        for name in quirks.patched_without_effect {
            put_back(&mut record.value, &before.value, name);
        }
        patch::tidy(&mut record.value);
        if record.value == before.value && record.password.is_none() {
            return Ok(id);
        }
        record.version = before.version + 1;
        record.password = record.password.or(before.password);
        self.records.insert((kind, id), record);
        Ok(id)
    }

    pub fn delete(&mut self, kind: Type, id: &str, quirks: &Quirks) -> Result<(), Refusal> {
        let (id, _) = self.find(kind, id)?;
        if quirks.soft_delete && kind == Type::User {
            let record = self.records.get_mut(&(kind, id)).expect("it was found");
            record.value["active"] = false.into();
            record.version += 1;
            return Ok(());
        }
        self.records.remove(&(kind, id));
        let text = id.to_string();
        for ((_, _), group) in self.records.iter_mut().filter(|((kind, _), _)| *kind == Type::Group) {
            if let Some(members) = group.value.get_mut("members").and_then(Value::as_array_mut) {
                members.retain(|member| member["value"] != text.as_str());
            }
            patch::tidy(&mut group.value);
        }
        Ok(())
    }

    /// Returns a resource as it is sent.
    pub fn show(&self, kind: Type, id: u64, record: &Record, base: &str) -> Value {
        let mut shown = record.value.clone();
        let name = if kind == Type::User { "User" } else { "Group" };
        let mut schemas = vec![kind.urn()];
        for urn in [schema::ENTERPRISE, schema::OWN] {
            schemas.extend(shown.get(urn).is_some().then_some(urn));
        }
        shown["schemas"] = schemas.into();
        shown["id"] = id.to_string().into();
        shown["meta"] = json!({
            "resourceType": name, "location": format!("{base}/{}/{id}", kind.path()),
            "version": format!("W/\"{}\"", record.version),
        });
        if kind == Type::User {
            let id = id.to_string();
            let groups = self.all(Type::Group).filter(|(_, group)| patch::members(&group.value).contains(&id));
            let groups: Vec<Value> = groups
                .map(|(group, record)| json!({ "value": group.to_string(), "display": record.value["displayName"] }))
                .collect();
            if !groups.is_empty() {
                shown["groups"] = groups.into();
            }
        }
        shown
    }

    /// Reads a resource that is sent, and proves it.
    fn read(&self, kind: Type, body: &Value, quirks: &Quirks, own: Option<u64>) -> Result<Record, Refusal> {
        let Value::Object(fields) = body else { return Err(Refusal::new(400, "invalidSyntax", "no object")) };
        let mut value = json!({});
        let mut password = None;
        for (key, sent) in fields {
            let is_extension = key.to_ascii_lowercase().starts_with("urn:");
            if is_extension {
                let is_known = match key.as_str() {
                    schema::ENTERPRISE => quirks.enterprise,
                    schema::OWN => quirks.extension,
                    _ => false,
                };
                if !is_known {
                    return Err(Refusal::new(400, "invalidSyntax", format!("no such extension: `{key}`")));
                }
                for (name, inner) in sent.as_object().into_iter().flatten() {
                    prove(Some(key), name, inner, quirks)?;
                    if !is_dropped(name, quirks) {
                        value[key][name.as_str()] = inner.clone();
                    }
                }
                continue;
            }
            match key.to_ascii_lowercase().as_str() {
                "schemas" | "id" | "meta" | "groups" => {}
                "password" if quirks.change_password => password = sent.as_str().map(str::to_owned),
                _ => {
                    prove(None, key, sent, quirks)?;
                    if !is_dropped(key, quirks) {
                        value[key.as_str()] = sent.clone();
                    }
                }
            }
        }
        patch::tidy(&mut value);
        if kind == Type::User {
            value.as_object_mut().expect("an object").entry("active").or_insert(true.into());
            self.prove_name(&value, quirks, own)?;
        } else if field_of(&value, "displayName").is_none() {
            return Err(Refusal::new(400, "invalidValue", "`displayName` is needed"));
        }
        for member in patch::members(&value) {
            if self.find(Type::User, &member).is_err() {
                return Err(Refusal::new(400, "invalidValue", format!("no such member: `{member}`")));
            }
        }
        Ok(Record { value, password, version: 1 })
    }

    fn prove_name(&self, value: &Value, quirks: &Quirks, own: Option<u64>) -> Result<(), Refusal> {
        let name = field_of(value, "userName").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        if name.is_empty() {
            return Err(Refusal::new(400, "invalidValue", "`userName` is needed"));
        }
        let is_taken = self.all(Type::User).any(|(id, record)| {
            Some(id) != own
                && field_of(&record.value, "userName")
                    .and_then(Value::as_str)
                    .is_some_and(|other| other.to_lowercase() == name)
        });
        if is_taken || quirks.invisible.iter().any(|other| other.to_lowercase() == name) {
            return Err(Refusal::new(409, "uniqueness", format!("`{name}` is taken")));
        }
        Ok(())
    }

    /// Returns whether an application would let this person in, and whether it would have the password changed first.
    pub fn login(&self, username: &str, password: &str) -> Option<bool> {
        let name = username.to_lowercase();
        let (_, record) = self.all(Type::User).find(|(_, record)| {
            field_of(&record.value, "userName").and_then(Value::as_str).is_some_and(|own| own.to_lowercase() == name)
        })?;
        let is_good = record.value["active"] != false && record.password.as_deref() == Some(password);
        is_good.then(|| record.value[schema::OWN]["mustChangePassword"] == true)
    }
}

fn prove(urn: Option<&str>, name: &str, value: &Value, quirks: &Quirks) -> Result<(), Refusal> {
    let Some(rule) = schema::rule(urn, name) else {
        return Err(Refusal::new(400, "invalidSyntax", format!("no such attribute: `{name}`")));
    };
    let elements: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |elements| elements.iter().collect());
    for element in elements {
        let is_fit = match (rule.kind, element) {
            (_, Value::Null) => true,
            ("complex", element) => element.is_object(),
            ("boolean", element) => element.is_boolean(),
            (_, element) => element.is_string(),
        };
        let text = element.as_str().or_else(|| element["value"].as_str()).unwrap_or_default();
        if !is_fit || value.is_array() != rule.is_multi && !value.is_null() || quirks.refused_values.contains(&text) {
            return Err(Refusal::new(400, "invalidValue", format!("no value of `{name}`")));
        }
    }
    Ok(())
}

fn is_dropped(name: &str, quirks: &Quirks) -> bool {
    quirks.dropped.iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
}

fn field_of<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let fields = value.as_object()?;
    let extension = |urn: &str| fields.get(urn).and_then(Value::as_object).and_then(|inner| field(inner, name));
    field(fields, name).or_else(|| extension(schema::ENTERPRISE)).or_else(|| extension(schema::OWN))
}

/// Gives an attribute the value that it had.
fn put_back(value: &mut Value, before: &Value, name: &str) {
    let old = field_of(before, name).cloned();
    let fields = value.as_object_mut().expect("an object");
    let key = fields.keys().find(|own| own.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.to_owned());
    for urn in [schema::ENTERPRISE, schema::OWN] {
        if schema::rule(Some(urn), name).is_some() {
            value[urn][name] = old.unwrap_or_default();
            return;
        }
    }
    fields.insert(key, old.unwrap_or_default());
}
