//! The schemas of RFC 7643 section 8.7.1.

use super::AttributeRule;
use super::Mutability;
use super::Returned;
use super::Uniqueness;
use super::ValueKind;
use crate::directory::scim::wire::urn;

/// A line each: name, type, what is special. Sub-attributes are indented.
const USER: &str = "
userName string required server
name complex
  formatted string
  familyName string
  givenName string
  middleName string
  honorificPrefix string
  honorificSuffix string
displayName string
nickName string
profileUrl reference
title string
userType string
preferredLanguage string
locale string
timezone string
active boolean
password string writeOnly never
emails complex multi
  value string
  display string
  type string
  primary boolean
phoneNumbers complex multi
  value string
  display string
  type string
  primary boolean
ims complex multi
  value string
  display string
  type string
  primary boolean
photos complex multi
  value reference
  display string
  type string
  primary boolean
addresses complex multi
  formatted string
  streetAddress string
  locality string
  region string
  postalCode string
  country string
  type string
  primary boolean
groups complex multi readOnly
  value string readOnly
  $ref reference readOnly
  display string readOnly
  type string readOnly
entitlements complex multi
  value string
  display string
  type string
  primary boolean
roles complex multi
  value string
  display string
  type string
  primary boolean
x509Certificates complex multi
  value binary
  display string
  type string
  primary boolean
";

const ENTERPRISE_USER: &str = "
employeeNumber string
costCenter string
organization string
division string
department string
manager complex
  value string
  $ref reference
  displayName string readOnly
";

const GROUP: &str = "
displayName string
members complex multi
  value string immutable
  $ref reference immutable
  type string immutable
";

/// Returns all definitions.
pub(super) fn rules() -> Vec<AttributeRule> {
    let mut rules = Vec::new();
    for (urn, text) in [(urn::USER, USER), (urn::ENTERPRISE_USER, ENTERPRISE_USER), (urn::GROUP, GROUP)] {
        let mut whole = "";
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
            let is_part = line.starts_with(' ');
            if !is_part {
                whole = name;
            }
            let marks: Vec<&str> = words.collect();
            let has = |mark: &str| marks.contains(&mark);
            rules.push(AttributeRule {
                urn: urn.to_owned(),
                name: whole.to_owned(),
                sub: is_part.then(|| name.to_owned()),
                kind: match kind {
                    "boolean" => ValueKind::Boolean,
                    "binary" => ValueKind::Binary,
                    "reference" => ValueKind::Reference,
                    "complex" => ValueKind::Complex,
                    _ => ValueKind::String,
                },
                multi: has("multi"),
                required: has("required"),
                mutability: match () {
                    () if has("readOnly") => Mutability::ReadOnly,
                    () if has("immutable") => Mutability::Immutable,
                    () if has("writeOnly") => Mutability::WriteOnly,
                    () => Mutability::ReadWrite,
                },
                returned: if has("never") { Returned::Never } else { Returned::Default },
                // Octets cannot be compared in any other way.
                case_exact: kind == "binary",
                uniqueness: if has("server") { Uniqueness::Server } else { Uniqueness::None },
                canonical: Vec::new(),
            });
        }
    }
    rules
}
