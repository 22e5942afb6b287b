//! Whether the values that a feed maps fit the schema: how many, of which kind, and all that new entries must have.

use super::super::Dsa;
use super::super::Ldap;
use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::attribute::AttributeName;

/// The syntaxes of values that name entries (RFC 4517 sections 3.3.9 and 3.3.21).
const NAMES: [&str; 2] = ["1.3.6.1.4.1.1466.115.121.1.12", "1.3.6.1.4.1.1466.115.121.1.34"];
/// Active Directory's syntaxes of values with a DN besides other octets.
const NAMES_OF_AD: [&str; 2] = ["1.2.840.113556.1.4.903", "1.2.840.113556.1.4.904"];

/// An attribute as a feed maps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedAttribute {
    /// Its name.
    pub name: AttributeName,
    /// A cell may hold several values.
    pub multi: bool,
    /// Its values name other people.
    pub refers: bool,
}

impl Ldap {
    /// Proves that what one feed maps fits the schema; only what does not fit makes a finding. `creates` says whether
    /// it makes new accounts.
    pub async fn check_mapping(&self, attributes: &[MappedAttribute], creates: bool) -> Vec<Finding> {
        match self.dsa().await {
            Ok(dsa) => dsa.misfits(attributes, creates).await,
            Err(fault) => vec![bad("mapping", &fault, "")],
        }
    }
}

impl Dsa {
    async fn misfits(&self, attributes: &[MappedAttribute], creates: bool) -> Vec<Finding> {
        let read = async { self.schema(&*self.pool.lease().await?, &[], &[]).await };
        let schema = match read.await {
            Ok(schema) => schema,
            Err(fault) => return vec![bad("mapping", &fault, "")],
        };
        if schema.is_empty() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        for MappedAttribute { name, multi, refers } in attributes {
            let subject = format!("attribute {name}");
            if *multi && schema.is_single(name.as_str()) {
                let hint = "take `multi` out of its rule in [feed.map], or map another attribute".to_owned();
                let text = "several values are mapped, and the server takes one".to_owned();
                findings.push(finding(subject.clone(), Verdict::Bad(text, hint)));
            }
            let names_entries = |syntax: &str| NAMES.contains(&syntax) || NAMES_OF_AD.contains(&syntax);
            if *refers && schema.syntax(name.as_str()).is_some_and(|syntax| !names_entries(syntax)) {
                let hint = "map a reference to an attribute for DNs, such as `manager`".to_owned();
                let text = "it is mapped as a reference, and its values are no DNs".to_owned();
                findings.push(finding(subject, Verdict::Bad(text, hint)));
            }
        }
        if !creates {
            return findings;
        }
        let own = [&self.site.username_attribute, &self.site.naming_attribute];
        for required in self.required_attributes().iter() {
            let is_own = own.iter().any(|name| schema.synonyms(name).any(|same| same == *required));
            let is_mapped = attributes.iter().any(|a| schema.synonyms(a.name.as_str()).any(|same| same == *required));
            if !is_own && !is_mapped {
                let hint = format!("map `{required}` in [feed.map], or take the class out of `object_classes`");
                let text = "new accounts must have it, and nothing maps it".to_owned();
                findings.push(finding(format!("attribute {required}"), Verdict::Bad(text, hint)));
            }
        }
        findings
    }
}
