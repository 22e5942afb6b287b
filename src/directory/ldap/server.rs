//! What a server says about itself: its root DSE (RFC 4512 section 5.1) and its schema (section 4.2).

use std::collections::HashMap;
use std::collections::HashSet;

use super::entry::Entry;
use super::exop::PASSWORD_MODIFY;

/// The parts of the root DSE that matter here.
#[derive(Clone, Debug, Default)]
pub struct RootDse {
    controls: HashSet<String>,
    capabilities: HashSet<String>,
    extensions: HashSet<String>,
    is_openldap: bool,
    pub contexts: Vec<String>,
    pub schema: Option<String>,
    pub vendor: Option<String>,
}

impl RootDse {
    /// What to ask for: all of it is operational.
    pub const ATTRIBUTES: &[&str] = &[
        "supportedControl",
        "supportedCapabilities",
        "supportedExtension",
        "namingContexts",
        "subschemaSubentry",
        "vendorName",
        "vendorVersion",
        "structuralObjectClass",
    ];

    const ASSERTION: &str = "1.3.6.1.1.12";
    const POST_READ: &str = "1.3.6.1.1.13.2";
    /// Starting and ending one. The control that goes with them is not listed by every server that has it.
    const TRANSACTION: [&str; 2] = ["1.3.6.1.1.21.1", "1.3.6.1.1.21.3"];
    const PAGED: &str = "1.2.840.113556.1.4.319";
    const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

    /// Reads it from its entry.
    pub fn of(entry: &Entry) -> Self {
        let vendor = entry.text("vendorVersion").or_else(|| entry.text("vendorName")).map(str::to_owned);
        let openldap = entry.has_text("structuralObjectClass", "OpenLDAProotDSE");
        Self {
            controls: entry.texts("supportedControl").map(str::to_owned).collect(),
            capabilities: entry.texts("supportedCapabilities").map(str::to_owned).collect(),
            extensions: entry.texts("supportedExtension").map(str::to_owned).collect(),
            is_openldap: openldap,
            contexts: entry.texts("namingContexts").map(str::to_owned).collect(),
            schema: entry.text("subschemaSubentry").map(str::to_owned),
            vendor: vendor.or_else(|| openldap.then(|| "OpenLDAP".to_owned())),
        }
    }

    /// Whether this is OpenLDAP: the class of its root DSE says so.
    pub fn is_openldap(&self) -> bool {
        self.is_openldap
    }

    /// Whether this is 389 Directory Server or Red Hat Directory Server, by the version that it tells, such as
    /// `389-Directory/2.3.1 B2023.0.0`.
    pub fn is_389(&self) -> bool {
        let vendor = self.vendor.as_deref().unwrap_or_default();
        vendor.starts_with("389-Directory/") || vendor.starts_with("Red Hat-Directory/")
    }

    /// Whether the server knows a control.
    pub fn has_control(&self, oid: &str) -> bool {
        self.controls.contains(oid)
    }

    /// Whether the server has a capability of Active Directory (MS-ADTS section 3.1.1.3.4.3).
    pub fn has_capability(&self, oid: &str) -> bool {
        self.capabilities.contains(oid)
    }

    /// Whether a write can be bound to a condition (RFC 4528).
    pub fn has_assertion(&self) -> bool {
        self.controls.contains(Self::ASSERTION)
    }

    /// Whether a write can return the entry (RFC 4527).
    pub fn has_post_read(&self) -> bool {
        self.controls.contains(Self::POST_READ)
    }

    /// Whether several writes can be one transaction (RFC 5805).
    pub fn has_transactions(&self) -> bool {
        Self::TRANSACTION.iter().all(|oid| self.extensions.contains(*oid))
    }

    /// Whether a password can be set by an operation of its own (RFC 3062).
    pub fn has_password_modify(&self) -> bool {
        self.extensions.contains(PASSWORD_MODIFY)
    }

    /// Whether searches can be paged (RFC 2696).
    pub fn has_paging(&self) -> bool {
        self.controls.contains(Self::PAGED)
    }

    /// Whether a password policy is loaded (draft-behera-ldap-password-policy).
    pub fn has_password_policy(&self) -> bool {
        self.controls.contains(Self::PASSWORD_POLICY)
    }
}

/// Attribute types and object classes, by every name and OID, in lower case.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    attributes: HashMap<String, AttributeType>,
    classes: HashMap<String, ObjectClass>,
    /// Some servers leave the matching rules out of all descriptions.
    tells_equality: bool,
}

#[derive(Clone, Debug, Default)]
struct AttributeType {
    oid: String,
    sup: Option<String>,
    has_equality: bool,
    read_only: bool,
    single: bool,
    /// The OID of its syntax (RFC 4517 section 3.3).
    syntax: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct ObjectClass {
    sup: Vec<String>,
    must: Vec<String>,
    may: Vec<String>,
}

impl Schema {
    /// What to ask the subschema subentry for.
    pub const ATTRIBUTES: &[&str] = &["attributeTypes", "objectClasses", "dITContentRules"];

    /// Reads the descriptions; ones that cannot be read are left out.
    pub fn of(entry: &Entry) -> Self {
        let mut schema = Self::default();
        for text in entry.texts("attributeTypes") {
            let Some(description) = Description::parse(text) else { continue };
            let kind = AttributeType {
                oid: description.oid().to_owned(),
                sup: description.list("SUP").first().cloned(),
                has_equality: !description.list("EQUALITY").is_empty(),
                read_only: description.has("NO-USER-MODIFICATION"),
                single: description.has("SINGLE-VALUE"),
                syntax: description.list("SYNTAX").first().and_then(|s| s.split('{').next()).map(str::to_owned),
            };
            schema.tells_equality |= kind.has_equality;
            schema.attributes.extend(description.names().map(|name| (name, kind.clone())));
        }
        // What entries of a structural class must and may have besides, by its OID (RFC 4512 section 4.1.6).
        let rules: HashMap<&str, Description<'_>> =
            entry.texts("dITContentRules").filter_map(Description::parse).map(|rule| (rule.oid(), rule)).collect();
        for text in entry.texts("objectClasses") {
            let Some(description) = Description::parse(text) else { continue };
            let besides = |keyword| rules.get(description.oid()).map(|rule| rule.list(keyword)).unwrap_or_default();
            let class = ObjectClass {
                sup: description.list("SUP"),
                must: [description.list("MUST"), besides("MUST")].concat(),
                may: [description.list("MAY"), besides("MAY")].concat(),
            };
            schema.classes.extend(description.names().map(|name| (name, class.clone())));
        }
        schema
    }

    /// Returns whether the schema could be read at all.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Returns whether the server knows the attribute; options are not looked at.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes.contains_key(&bare(name))
    }

    /// Returns whether the server knows the object class.
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.contains_key(&bare(name))
    }

    /// Returns whether only the server writes the attribute.
    pub fn is_read_only(&self, name: &str) -> bool {
        self.attributes.get(&bare(name)).is_some_and(|kind| kind.read_only)
    }

    /// Returns whether values of the attribute can be compared, so that searches can find them.
    pub fn has_equality(&self, name: &str) -> bool {
        if !self.tells_equality {
            return self.has_attribute(name);
        }
        self.ancestry(name).any(|kind| kind.has_equality)
    }

    /// Returns whether an entry has one value of the attribute at most.
    pub fn is_single(&self, name: &str) -> bool {
        self.attributes.get(&bare(name)).is_some_and(|kind| kind.single)
    }

    /// Returns the OID of the syntax of the attribute's values, as far as the schema tells it.
    pub fn syntax(&self, name: &str) -> Option<&str> {
        self.ancestry(name).find_map(|kind| kind.syntax.as_deref())
    }

    /// Returns all names of an attribute, in lower case, and its OID.
    pub fn synonyms(&self, name: &str) -> impl Iterator<Item = &str> {
        let own = self.attributes.get(&bare(name));
        let same = move |kind: &AttributeType| own.is_some_and(|own| own.oid == kind.oid);
        self.attributes.iter().filter(move |(_, kind)| same(kind)).map(|(name, _)| name.as_str())
    }

    /// Returns an attribute and those that it inherits from, the nearest first.
    fn ancestry(&self, name: &str) -> impl Iterator<Item = &AttributeType> {
        let first = self.attributes.get(&bare(name));
        std::iter::successors(first, |kind| self.attributes.get(kind.sup.as_ref()?)).take(16)
    }

    /// Returns the attributes that an entry of these classes must have.
    pub fn required(&self, classes: &[String]) -> HashSet<String> {
        self.lineage(classes).into_iter().flat_map(|class| class.must.iter().cloned()).collect()
    }

    /// Returns whether an entry of these classes may have the attribute.
    pub fn allows(&self, classes: &[String], attribute: &str) -> bool {
        let name = bare(attribute);
        self.lineage(classes).iter().any(|class| {
            class.must.iter().chain(&class.may).any(|listed| *listed == name) || class.may.iter().any(|n| n == "*")
        }) || classes.iter().any(|class| class.eq_ignore_ascii_case("extensibleObject"))
    }

    fn lineage(&self, classes: &[String]) -> Vec<&ObjectClass> {
        let mut todo: Vec<String> = classes.iter().map(|class| bare(class)).collect();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(name) = todo.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(class) = self.classes.get(&name) {
                todo.extend(class.sup.iter().cloned());
                found.push(class);
            }
        }
        found
    }
}

fn bare(name: &str) -> String {
    name.split(';').next().unwrap_or_default().to_ascii_lowercase()
}

/// One description of the schema: `( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )` (RFC 4512 section 4.1).
struct Description<'a> {
    tokens: Vec<&'a str>,
}

impl<'a> Description<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '(' | ')' | '$' => 1,
                '\'' => rest[1..].find('\'')? + 2,
                _ => rest.find([' ', '(', ')', '$', '\'']).unwrap_or(rest.len()),
            };
            tokens.push(&rest[..end]);
            rest = rest[end..].trim_start();
        }
        (tokens.first() == Some(&"(") && tokens.len() > 2).then_some(Self { tokens })
    }

    fn oid(&self) -> &'a str {
        self.tokens[1]
    }

    fn names(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.oid().to_ascii_lowercase()).chain(self.list("NAME"))
    }

    fn has(&self, keyword: &str) -> bool {
        self.tokens.contains(&keyword)
    }

    fn list(&self, keyword: &str) -> Vec<String> {
        let Some(at) = self.tokens.iter().position(|token| *token == keyword) else { return Vec::new() };
        let after = &self.tokens[at + 1..];
        let listed = match after.first() {
            Some(&"(") => after[1..].split(|token| *token == ")").next().unwrap_or_default(),
            Some(_) => &after[..1],
            None => &[],
        };
        listed.iter().filter(|t| **t != "$").map(|t| t.trim_matches('\'').to_ascii_lowercase()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let values = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let text = HashMap::from([
            (
                "attributeTypes".to_owned(),
                values(&[
                    "( 2.5.4.41 NAME 'name' DESC 'RFC4519: common (super) type' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )",
                    "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )",
                    "( 0.9.2342.19200300.100.1.60 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
                    "( 1.3.6.1.1.16.4 NAME 'entryUUID' EQUALITY UUIDMatch NO-USER-MODIFICATION USAGE directoryOperation )",
                    "( 2.5.4.6 NAME 'c' SUP name SINGLE-VALUE )",
                    "broken",
                ]),
            ),
            (
                "objectClasses".to_owned(),
                values(&[
                    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
                    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( userPassword $ telephoneNumber ) )",
                    "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY title )",
                ]),
            ),
        ]);
        Schema::of(&Entry::of("cn=Subschema".to_owned(), text, HashMap::new()))
    }

    #[test]
    fn descriptions_are_read() {
        let schema = schema();
        assert!(
            schema.has_attribute("CommonName") && schema.has_attribute("2.5.4.3") && schema.has_attribute("cn;lang-de")
        );
        assert!(!schema.has_attribute("super") && !schema.has_attribute("broken"));
        assert!(schema.has_equality("cn") && !schema.has_equality("jpegPhoto"));
        assert!(schema.is_read_only("entryuuid") && !schema.is_read_only("cn"));
        assert!(schema.is_single("c") && !schema.is_single("cn") && !schema.is_single("broken"));
        assert_eq!(schema.syntax("commonName"), Some("1.3.6.1.4.1.1466.115.121.1.15"));
        assert_eq!((schema.syntax("entryUUID"), schema.syntax("broken")), (None, None));
        let mut names: Vec<_> = schema.synonyms("CN").collect();
        names.sort_unstable();
        assert_eq!(names, ["2.5.4.3", "cn", "commonname"]);
    }

    #[test]
    fn classes_inherit() {
        let schema = schema();
        let classes = ["organizationalPerson".to_owned()];
        let required = schema.required(&classes);
        assert!(["sn", "cn", "objectclass"].iter().all(|name| required.contains(*name)), "{required:?}");
        assert!(schema.allows(&classes, "TelephoneNumber") && schema.allows(&classes, "title"));
        assert!(!schema.allows(&classes, "jpegPhoto"));
    }

    #[test]
    fn content_rules_add_to_a_class_and_missing_rules_of_equality_are_no_lack() {
        let values = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let text = HashMap::from([
            ("attributeTypes".to_owned(), values(&["( 2.5.4.3 NAME 'cn' SYNTAX '1.3.6.1.4.1.1466.115.121.1.15' )"])),
            ("objectClasses".to_owned(), values(&["( 1.2.5.9 NAME 'user' STRUCTURAL MUST (cn ) MAY (mail $ uid ) )"])),
            (
                "dITContentRules".to_owned(),
                values(&["( 1.2.5.9 NAME 'rule' AUX ( posixAccount ) MUST (sAMAccountName ) MAY (info $ rid ) )"]),
            ),
        ]);
        let schema = Schema::of(&Entry::of("CN=Aggregate".to_owned(), text, HashMap::new()));
        let classes = ["user".to_owned()];
        assert!(["mail", "info", "sAMAccountName"].iter().all(|name| schema.allows(&classes, name)));
        assert_eq!(schema.required(&classes), ["cn", "samaccountname"].map(str::to_owned).into());
        assert!(schema.has_equality("cn") && !schema.has_equality("sn"));
    }
}
