//! Whether the server's schema has what the settings and the feeds name.

use std::collections::BTreeSet;

use super::super::Dsa;
use super::super::connection::Connection;
use super::super::server::Schema;
use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::attribute::AttributeName;

impl Dsa {
    pub(in super::super) async fn findings_on_attributes(&self, attributes: &[AttributeName]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let lease = match self.pool.lease().await {
            Ok(lease) => lease,
            Err(fault) => return vec![bad("attributes", &fault, "")],
        };
        let names: Vec<&str> = attributes.iter().map(AttributeName::as_str).collect();
        let schema = match self.schema(&lease, &names, &[]).await {
            Ok(schema) => schema,
            Err(fault) => return vec![bad("attributes", &fault, "")],
        };
        for name in names {
            let subject = format!("attribute {name}");
            if let Some(why) = self.site.profile.refuses(name) {
                findings.push(finding(subject, Verdict::Bad(why.to_owned(), "take it out of [feed.map]".to_owned())));
            } else if schema.is_empty() {
                findings.push(finding(subject, Verdict::Warning("the schema cannot be read to check it".to_owned())));
            } else {
                findings.push(finding(subject, self.attribute(&schema, name)));
            }
        }
        findings
    }

    pub(super) fn attribute(&self, schema: &Schema, name: &str) -> Verdict {
        let classes = &self.site.object_classes;
        if !schema.has_attribute(name) {
            let hint = "correct the name in [feed.map], or load the schema that defines it";
            return Verdict::Bad("the server does not know it".to_owned(), hint.to_owned());
        }
        if schema.is_read_only(name) {
            return Verdict::Bad("only the server writes it".to_owned(), "take it out of [feed.map]".to_owned());
        }
        if !schema.allows(classes, name) {
            let hint = "add an object class that has it to `object_classes`";
            return Verdict::Bad(format!("new accounts ({}) cannot have it", classes.join(", ")), hint.to_owned());
        }
        Verdict::Good("known".to_owned())
    }

    pub(super) async fn model(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        let (mut attributes, mut classes) = self.site.people_filter.names();
        attributes.push(&self.site.username_attribute);
        classes.extend(self.site.object_classes.iter().map(String::as_str));
        let any_base = self.site.bases.iter().any(|(_, base)| base.is_some());
        classes.extend(any_base.then_some(self.site.group_class.name));
        let schema = match self.schema(connection, &attributes, &classes).await {
            Ok(schema) => schema,
            Err(fault) => return findings.push(bad("schema", &fault, "")),
        };
        if schema.is_empty() {
            let text = "it cannot be read, so a wrong name of an attribute or object class shows only when it is used";
            return findings.push(finding("schema", Verdict::Warning(text.to_owned())));
        }
        let unknown: BTreeSet<String> = attributes
            .iter()
            .filter(|name| !schema.has_attribute(name))
            .map(|name| format!("the attribute `{name}`"))
            .chain(
                classes.iter().filter(|name| !schema.has_class(name)).map(|name| format!("the object class `{name}`")),
            )
            .collect();
        let verdict = if unknown.is_empty() {
            Verdict::Good("all object classes and attributes of [target.ldap] are known".to_owned())
        } else {
            let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
            Verdict::Bad(format!("the server does not know {names}"), "correct the name, or load its schema".to_owned())
        };
        findings.push(finding("schema", verdict));
    }
}
