//! The attributes of resources, as the service or RFC 7643 defines them.

use serde_json::Value;

use crate::directory::scim::wire::lenient;
use crate::directory::scim::wire::urn;

mod standard;

/// What `/Schemas` says, or RFC 7643 where the service says nothing that can be read.
#[derive(Clone, Debug, Default)]
pub struct SchemaTable {
    rules: Vec<AttributeRule>,
    is_of_service: bool,
}

/// One attribute or sub-attribute (RFC 7643 section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// The schema that defines it.
    pub urn: String,
    /// Its name.
    pub name: String,
    /// The name of the sub-attribute, if it is one.
    pub sub: Option<String>,
    /// The type of its values.
    pub kind: ValueKind,
    /// It holds several values.
    pub multi: bool,
    /// A resource must have it.
    pub required: bool,
    /// Who may write it, and when.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Values in another case are other values.
    pub case_exact: bool,
    /// Who else may have the same value.
    pub uniqueness: Uniqueness,
    /// Values that the service suggests, such as `work` and `home`.
    pub canonical: Vec<String>,
}

/// The type of values (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Text; also whatever is no type of the RFC.
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// A time, RFC 3339.
    DateTime,
    /// Octets in base 64.
    Binary,
    /// A URI.
    Reference,
    /// Sub-attributes.
    Complex,
}

/// Who may write an attribute, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The service alone.
    ReadOnly,
    /// Anybody, at any time.
    ReadWrite,
    /// Anybody, once.
    Immutable,
    /// Anybody, at any time, and nobody reads it.
    WriteOnly,
}

/// When an attribute is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Always.
    Always,
    /// Never.
    Never,
    /// Unless others are asked for.
    Default,
    /// When asked for.
    Request,
}

/// Who else may have the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// Anybody.
    None,
    /// Nobody of the service.
    Server,
    /// Nobody anywhere.
    Global,
}

/// Why an attribute would not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// The schema is known and does not have it.
    Unknown,
    /// The service alone writes it.
    ReadOnly,
    /// Its schema is no extension of users.
    NoExtension,
    /// The preset says so.
    Preset,
}

impl SchemaTable {
    /// Returns the schemas of RFC 7643 sections 4.1, 4.2 and 4.3, with section 8.7.1 for the details.
    pub fn standard() -> Self {
        Self { rules: standard::rules(), is_of_service: false }
    }

    /// Reads schemas from the resources of `/Schemas`, as far as they can be read; `None` when there is no attribute of
    /// a user among them, which is no answer to rely on.
    pub fn read<'v>(resources: impl IntoIterator<Item = &'v Value>) -> Option<Self> {
        let mut rules = Vec::new();
        for schema in resources {
            let Some(urn) = text(schema, "id") else { continue };
            for attribute in list(schema, "attributes") {
                let Some(rule) = AttributeRule::read(urn, attribute) else { continue };
                let name = rule.name.clone();
                let sub = |sub: &Value| {
                    let rule = AttributeRule::read(urn, sub)?;
                    Some(AttributeRule { sub: Some(rule.name), name: name.clone(), ..rule })
                };
                rules.push(rule);
                rules.extend(list(attribute, "subAttributes").filter_map(sub));
            }
        }
        let table = Self { rules, is_of_service: true };
        let has_users = table.of(urn::USER).next().is_some();
        has_users.then_some(table)
    }

    /// Returns whether the service has told its schemas; else everything is tried.
    pub fn is_of_service(&self) -> bool {
        self.is_of_service
    }

    /// Finds the definition of an attribute (`sub` = `None`) or a sub-attribute; names compare without case (RFC 7643
    /// section 2.1).
    pub fn rule(&self, urn: &str, name: &str, sub: Option<&str>) -> Option<&AttributeRule> {
        let same = |own: Option<&str>| match (own, sub) {
            (None, None) => true,
            (Some(own), Some(sub)) => own.eq_ignore_ascii_case(sub),
            _ => false,
        };
        let is_it = |rule: &&AttributeRule| {
            rule.urn.eq_ignore_ascii_case(urn) && rule.name.eq_ignore_ascii_case(name) && same(rule.sub.as_deref())
        };
        self.rules.iter().find(is_it)
    }

    /// Iterates over all definitions of one schema.
    pub fn of<'t>(&'t self, urn: &'t str) -> impl Iterator<Item = &'t AttributeRule> {
        self.rules.iter().filter(move |rule| rule.urn.eq_ignore_ascii_case(urn))
    }

    /// Returns the schemas that have attributes here.
    pub fn urns(&self) -> Vec<&str> {
        let mut urns: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if !urns.iter().any(|urn| urn.eq_ignore_ascii_case(&rule.urn)) {
                urns.push(&rule.urn);
            }
        }
        urns
    }

    /// Returns why an attribute would not be stored, if that is known.
    ///
    /// `id`, `externalId` and `meta` are common to all resources and may be in no schema (RFC 7643 section 3.1). A
    /// complex attribute whose sub-attributes are not listed may have any.
    pub fn not_stored(&self, urn: &str, name: &str, sub: Option<&str>) -> Option<NotStored> {
        match (self.rule(urn, name, sub), sub) {
            (Some(rule), _) if rule.mutability == Mutability::ReadOnly => return Some(NotStored::ReadOnly),
            (Some(rule), None) if rule.kind == ValueKind::Complex => {
                let mut parts = self.of(urn).filter(|part| part.sub.is_some() && part.name == rule.name).peekable();
                let is_read_only = parts.peek().is_some() && parts.all(|part| part.mutability == Mutability::ReadOnly);
                return is_read_only.then_some(NotStored::ReadOnly);
            }
            (Some(_), None) => return None,
            (Some(_), Some(_)) => return self.not_stored(urn, name, None),
            (None, _) => {}
        }
        match name {
            _ if name.eq_ignore_ascii_case("externalId") => None,
            _ if name.eq_ignore_ascii_case("id") || name.eq_ignore_ascii_case("meta") => Some(NotStored::ReadOnly),
            _ if !self.is_of_service => None,
            // A list of single values may be written with `value`, and a few services list no sub-attributes.
            _ if sub.is_some() && self.has_no_parts(urn, name) => self.not_stored(urn, name, None),
            _ => Some(NotStored::Unknown),
        }
    }

    fn has_no_parts(&self, urn: &str, name: &str) -> bool {
        self.rule(urn, name, None).is_some()
            && !self.of(urn).any(|rule| rule.name.eq_ignore_ascii_case(name) && rule.sub.is_some())
    }
}

impl AttributeRule {
    /// Reads one definition (RFC 7643 section 7): what is not said is as section 2.2 has it, and anything but the name
    /// may be missing.
    fn read(urn: &str, value: &Value) -> Option<Self> {
        let word = |key: &str| text(value, key).map(str::to_ascii_lowercase).unwrap_or_default();
        let is = |key: &str| lenient::of(value, key).and_then(lenient::boolean).unwrap_or(false);
        Some(Self {
            urn: urn.to_owned(),
            name: text(value, "name")?.to_owned(),
            sub: None,
            kind: match &*word("type") {
                "boolean" => ValueKind::Boolean,
                "decimal" => ValueKind::Decimal,
                "integer" => ValueKind::Integer,
                "datetime" => ValueKind::DateTime,
                "binary" => ValueKind::Binary,
                "reference" => ValueKind::Reference,
                "complex" => ValueKind::Complex,
                _ => ValueKind::String,
            },
            multi: is("multiValued"),
            required: is("required"),
            mutability: match &*word("mutability") {
                "readonly" => Mutability::ReadOnly,
                "immutable" => Mutability::Immutable,
                "writeonly" => Mutability::WriteOnly,
                _ => Mutability::ReadWrite,
            },
            returned: match &*word("returned") {
                "always" => Returned::Always,
                "never" => Returned::Never,
                "request" => Returned::Request,
                _ => Returned::Default,
            },
            case_exact: is("caseExact"),
            uniqueness: match &*word("uniqueness") {
                "server" => Uniqueness::Server,
                "global" => Uniqueness::Global,
                _ => Uniqueness::None,
            },
            canonical: list(value, "canonicalValues").filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    lenient::of(value, key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    lenient::of(value, key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> SchemaTable {
        SchemaTable::read(value.as_array().expect("a list")).expect("schemas of users")
    }

    #[test]
    fn the_standard_is_that_of_the_rfc() {
        let table = SchemaTable::standard();
        let rule = |urn, name, sub| table.rule(urn, name, sub).unwrap_or_else(|| panic!("{name}"));
        // RFC 7643 section 8.7.1.
        let username = rule(urn::USER, "username", None);
        assert!(username.required && !username.case_exact);
        assert_eq!(username.uniqueness, Uniqueness::Server);
        let password = rule(urn::USER, "password", None);
        assert_eq!((password.mutability, password.returned), (Mutability::WriteOnly, Returned::Never));
        assert_eq!(rule(urn::USER, "active", None).kind, ValueKind::Boolean);
        assert_eq!(rule(urn::USER, "groups", None).mutability, Mutability::ReadOnly);
        let mails = rule(urn::USER, "emails", None);
        assert!(mails.multi && mails.kind == ValueKind::Complex);
        assert_eq!(rule(urn::USER, "emails", Some("primary")).kind, ValueKind::Boolean);
        assert_eq!(rule(urn::USER, "name", Some("givenName")).kind, ValueKind::String);
        let manager = rule(urn::ENTERPRISE_USER, "manager", Some("displayName"));
        assert_eq!(manager.mutability, Mutability::ReadOnly);
        assert_eq!(rule(urn::GROUP, "members", Some("value")).mutability, Mutability::Immutable);
        assert!(!table.is_of_service());
        // Nobody has said that there is nothing else.
        assert_eq!(table.not_stored(urn::USER, "shoeSize", None), None);
        assert_eq!(table.not_stored(urn::USER, "groups", None), Some(NotStored::ReadOnly));
    }

    #[test]
    fn a_definition_may_be_nothing_but_a_name() {
        let table = read(&json!([{"id": urn::USER, "attributes": [{"name": "userName"}, {"type": "string"}, 7]}]));
        let rules: Vec<_> = table.of(urn::USER).collect();
        let [rule] = rules.as_slice() else { panic!("{rules:?}") };
        assert_eq!(
            (rule.kind, rule.mutability, rule.returned),
            (ValueKind::String, Mutability::ReadWrite, Returned::Default)
        );
        assert!(!rule.multi && !rule.required && !rule.case_exact);
    }

    #[test]
    fn words_and_keys_are_read_in_any_case() {
        let table = read(&json!([{"ID": urn::USER.to_uppercase(), "Attributes": [
            {"Name": "active", "type": "Boolean", "multivalued": "False", "required": "True", "mutability": "ReadOnly",
             "returned": "ALWAYS", "uniqueness": "Global", "caseExact": true},
        ]}]));
        let rule = table.rule(urn::USER, "ACTIVE", None).expect("active");
        assert_eq!((rule.kind, rule.mutability), (ValueKind::Boolean, Mutability::ReadOnly));
        assert_eq!((rule.returned, rule.uniqueness), (Returned::Always, Uniqueness::Global));
        assert!(rule.required && rule.case_exact && !rule.multi);
    }

    #[test]
    fn what_a_service_says_decides_what_is_stored() {
        let table = read(&json!([{"id": urn::USER, "attributes": [
            {"name": "userName"},
            {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName"}, {"name": "formatted", "mutability": "readOnly"}]},
            {"name": "emails", "type": "complex", "multiValued": true},
            {"name": "groups", "type": "complex", "multiValued": true, "mutability": "readOnly", "subAttributes": [{"name": "value"}]},
            {"name": "photos", "type": "complex", "subAttributes": [{"name": "value", "mutability": "readOnly"}]},
        ]}]));
        let not_stored = |name, sub| table.not_stored(urn::USER, name, sub);
        assert_eq!(not_stored("name", Some("givenName")), None);
        assert_eq!(not_stored("name", Some("formatted")), Some(NotStored::ReadOnly));
        assert_eq!(not_stored("name", Some("familyName")), Some(NotStored::Unknown));
        // No sub-attribute is listed, so any may be there.
        assert_eq!(not_stored("emails", Some("value")), None);
        assert_eq!(not_stored("groups", Some("value")), Some(NotStored::ReadOnly));
        assert_eq!(not_stored("photos", None), Some(NotStored::ReadOnly));
        assert_eq!(not_stored("title", None), Some(NotStored::Unknown));
        // Common to all resources, so that most schemas do not list it.
        assert_eq!(not_stored("externalId", None), None);
        assert_eq!(not_stored("meta", Some("version")), Some(NotStored::ReadOnly));
        assert_eq!(table.not_stored(urn::ENTERPRISE_USER, "department", None), Some(NotStored::Unknown));
    }

    #[test]
    fn schemas_without_users_are_no_answer() {
        for nothing in
            [json!([]), json!([{"id": urn::GROUP, "attributes": [{"name": "displayName"}]}]), json!(["x", 1])]
        {
            assert!(SchemaTable::read(nothing.as_array().expect("a list")).is_none(), "{nothing}");
        }
    }
}
