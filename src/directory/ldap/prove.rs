//! What must hold before an empty answer can be believed.

use std::sync::Arc;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::name::is_attribute_description;
use super::server::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

impl Dsa {
    /// Makes sure that a base is there and can be read, so that an empty answer below it means what it says.
    pub(super) async fn prove_base(&self, connection: &Connection, key: &str, base: &Dn) -> Result<(), Fault> {
        let anchor = connection.read(&base.to_string(), &Filter::present("objectClass"), &["1.1"]).await;
        let answer = anchor.map_err(Trouble::of_read)?;
        let place = format!("{key} {base}");
        if answer.result.rc != 0 {
            let fault = refused(During::Read, &answer.result, None);
            return Err(Fault { reason: format!("{place}: {}", fault.reason), ..fault });
        }
        if answer.entries.is_empty() {
            let reason = format!("{place}: it does not exist, or the bind DN may not read it");
            return Err(Fault::new(Next::StopRun, reason));
        }
        Ok(())
    }

    /// Makes sure that the server knows the names in the filters: a filter with an unknown attribute matches nothing,
    /// without any error (RFC 4511 section 4.5.1.7).
    pub(super) async fn prove_names(&self, connection: &Connection, by: Option<&str>) -> Result<(), Fault> {
        let stop = |reason| Err(Fault::new(Next::StopRun, reason));
        if let Some(by) = by.filter(|by| !is_attribute_description(by)) {
            return stop(format!("`{by}` is not an attribute's name"));
        }
        let (mut attributes, classes) = self.site.people_filter.names();
        attributes.push(&self.site.username_attribute);
        attributes.extend(by);
        let schema = self.schema(connection, &attributes, &classes).await?;
        if schema.is_empty() {
            return Ok(());
        }
        if let Some(name) = attributes.iter().find(|name| !schema.has_attribute(name)) {
            return stop(format!("the server does not know the attribute `{name}`, so no search by it finds anybody"));
        }
        if let Some(name) = classes.iter().find(|name| !schema.has_class(name)) {
            return stop(format!("the server does not know the object class `{name}` of `people_filter`"));
        }
        match by.filter(|by| !schema.has_equality(by)) {
            Some(name) => stop(format!("the server cannot search by the attribute `{name}`: it has no equality rule")),
            None => Ok(()),
        }
    }

    /// Returns the schema; read once, and again when it does not know a name. Empty when it cannot be read.
    pub(super) async fn schema(
        &self,
        connection: &Connection,
        attributes: &[&str],
        classes: &[&str],
    ) -> Result<Arc<Schema>, Fault> {
        if let Some(known) = self.known_schema() {
            let knows_all = attributes.iter().all(|name| known.has_attribute(name))
                && classes.iter().all(|name| known.has_class(name));
            if knows_all {
                return Ok(known);
            }
        }
        let place = connection.root.schema.as_deref().unwrap_or("cn=Subschema");
        let filter = Filter::eq("objectClass", "subschema");
        let answer = connection.read(place, &filter, Schema::ATTRIBUTES).await.map_err(Trouble::of_read)?;
        let schema = Arc::new(answer.entries.first().map(Schema::of).unwrap_or_default());
        self.keep_schema(&schema);
        Ok(schema)
    }
}
