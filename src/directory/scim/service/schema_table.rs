//! The attributes of resources, as the service or RFC 7643 defines them.

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// The schema is known and does not have it.
    Unknown,
    /// The service alone writes it.
    ReadOnly,
    /// Its schema is no extension of users.
    NoExtension,
}

impl SchemaTable {
    /// Returns the schemas of RFC 7643 sections 4.1, 4.2 and 4.3.
    pub fn standard() -> Self {
        Self::default()
    }

    /// Returns whether the service has told its schemas; else everything is tried.
    pub fn is_of_service(&self) -> bool {
        self.is_of_service
    }

    /// Finds the definition of an attribute (`sub` = `None`) or a sub-attribute; names compare without case.
    pub fn rule(&self, urn: &str, name: &str, sub: Option<&str>) -> Option<&AttributeRule> {
        let same = |own: &Option<String>| match (own, sub) {
            (None, None) => true,
            (Some(own), Some(sub)) => own.eq_ignore_ascii_case(sub),
            _ => false,
        };
        self.rules.iter().find(|rule| {
            rule.urn.eq_ignore_ascii_case(urn) && rule.name.eq_ignore_ascii_case(name) && same(&rule.sub)
        })
    }

    /// Iterates over all definitions of one schema.
    pub fn of<'t>(&'t self, urn: &'t str) -> impl Iterator<Item = &'t AttributeRule> {
        self.rules.iter().filter(move |rule| rule.urn.eq_ignore_ascii_case(urn))
    }

    /// Returns why the attribute would not be stored, if that is known.
    pub fn not_stored(&self, urn: &str, name: &str, sub: Option<&str>) -> Option<NotStored> {
        match self.rule(urn, name, sub) {
            Some(rule) if rule.mutability == Mutability::ReadOnly => Some(NotStored::ReadOnly),
            Some(_) => None,
            None => self.is_of_service.then_some(NotStored::Unknown),
        }
    }
}
