//! Active Directory tells rights twice: by attributes that it computes for whoever asks (MS-ADTS section 3.1.1.4.5),
//! which leave extended rights and new entries out, and by the descriptors that it computes them from.

use std::collections::HashMap;

use ldap3::Scope;
use ldap3::controls::RawControl;

use super::super::super::Dsa;
use super::super::super::complete::complete;
use super::super::super::connection::Connection;
use super::super::super::entry::Entry;
use super::super::super::fault::Trouble;
use super::super::super::filter::Filter;
use super::super::super::name::Dn;
use super::super::super::settings::Identity;
use super::super::finding;
use super::super::needs::Needs;
use super::descriptor::AccessList;
use super::descriptor::CONTROL_ACCESS;
use super::descriptor::CREATE_CHILD;
use super::descriptor::DELETE_CHILD;
use super::descriptor::Guid;
use super::descriptor::WRITE_PROPERTY;
use super::descriptor::common;
use super::granted;
use super::granted_attributes;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::fault::Fault;

const PAGE: &str = "docs/active-directory.md, step 3";
/// The extended right User-Force-Change-Password, 00299570-246d-11d0-a768-00aa006e0529.
const RESET_PASSWORD: Guid = [0x70, 0x95, 0x29, 0, 0x6d, 0x24, 0xd0, 0x11, 0xa7, 0x68, 0, 0xaa, 0, 0x6e, 5, 0x29];
/// `LDAP_SERVER_SD_FLAGS_OID` (MS-ADTS section 3.1.1.3.4.1.11): the access list alone, the rest is for administrators.
const DESCRIPTOR_PARTS: &str = "1.2.840.113556.1.4.801";
const ACCESS_LIST: [u8; 5] = [0x30, 3, 2, 1, 4];

/// What is needed to read a descriptor.
struct Reader {
    sids: Vec<Vec<u8>>,
    /// GUIDs of classes and attributes by name in lower case; an attribute has that of its set besides.
    guids: HashMap<String, Vec<Guid>>,
}

impl Reader {
    fn may(&self, list: &AccessList, right: u32, name: &str) -> bool {
        self.guids.get(&name.to_ascii_lowercase()).is_some_and(|guids| list.grants(&self.sids, right, guids))
    }

    /// Returns what a new entry of a class inherits.
    fn of_child(&self, list: &AccessList, class: &str) -> Option<AccessList> {
        Some(list.of_child(self.guids.get(&class.to_ascii_lowercase())?.first()?))
    }
}

impl Dsa {
    pub(super) async fn rights_by_descriptors(
        &self,
        connection: &Connection,
        needs: &Needs,
    ) -> Result<Vec<Finding>, Fault> {
        let base = &self.site.people_base;
        let class = self.site.object_classes.last().cloned().unwrap_or_default();
        let mut asked = self.attributes_to_write(needs);
        if needs.relocates {
            let names = [&self.site.naming_attribute, &self.site.username_attribute];
            asked.extend(names.map(|name| name.to_ascii_lowercase()).into_iter().chain(["name".to_owned()]));
        }
        let groups = self.written_groups(needs);
        let of_groups = groups.iter().flat_map(|(_, _, class)| [class.name, class.attribute]);
        let names: Vec<&str> = asked.iter().map(String::as_str).chain([class.as_str()]).chain(of_groups).collect();
        let mut findings = Vec::new();
        let reader = self.reader(connection, &names).await?;
        match (&reader, self.access_list(connection, base).await?) {
            (Some(reader), Some(list)) => {
                if needs.creates {
                    let is_granted = reader.may(&list, CREATE_CHILD, &class);
                    findings.push(granted(format!("rights: create accounts below {base}"), is_granted, PAGE));
                }
                let child = reader.of_child(&list, &class);
                let has = |right, name: &str| child.as_ref().is_some_and(|list| reader.may(list, right, name));
                if needs.creates || needs.resets {
                    let is_granted =
                        child.as_ref().is_some_and(|list| list.grants(&reader.sids, CONTROL_ACCESS, &[RESET_PASSWORD]));
                    let subject = format!("rights: reset passwords of accounts below {base}");
                    findings.push(granted(subject, is_granted, PAGE));
                }
                if needs.writes() || needs.creates {
                    let lacking: Vec<_> = asked.iter().filter(|name| !has(WRITE_PROPERTY, name)).cloned().collect();
                    let subject = format!("rights: write new accounts below {base}");
                    findings.push(granted_attributes(subject, asked.len(), &lacking, PAGE));
                }
                if needs.deletes {
                    let is_granted = reader.may(&list, DELETE_CHILD, &class);
                    findings.push(granted(format!("rights: delete accounts below {base}"), is_granted, PAGE));
                }
            }
            _ => findings.push(unproved(base)),
        }
        if let Some(account) = self.an_account(connection).await
            && needs.writes()
        {
            let told = self.told(connection, &account).await?;
            // The server itself writes `name`, though renaming needs the right to it: it is never told here.
            let may = |name: &str| name == "name" || told.has_text("allowedAttributesEffective", name);
            let lacking: Vec<_> = asked.iter().filter(|name| !may(name)).cloned().collect();
            findings.push(granted_attributes(format!("rights: write {account}"), asked.len(), &lacking, PAGE));
        }
        for (kind, base, class) in groups {
            let word = kind.word();
            match (&reader, self.access_list(connection, &base).await?) {
                (Some(reader), Some(list)) => {
                    if needs.groups.contains(&kind) {
                        let is_granted = reader.may(&list, CREATE_CHILD, class.name);
                        findings.push(granted(format!("rights: create {word}s below {base}"), is_granted, PAGE));
                    }
                    let child = reader.of_child(&list, class.name);
                    let is_granted = child.is_some_and(|list| reader.may(&list, WRITE_PROPERTY, class.attribute));
                    let subject = format!("rights: write members of {word}s below {base}");
                    findings.push(granted(subject, is_granted, PAGE));
                }
                _ => findings.push(unproved(&base)),
            }
            if let Some(group) = self.a_group(connection, kind, &base).await
                && let Ok(dn) = Dn::parse(&group.dn)
            {
                let told = self.told(connection, &dn).await?;
                let is_granted = told.has_text("allowedAttributesEffective", class.attribute);
                findings.push(granted(format!("rights: write members of {dn}"), is_granted, PAGE));
            }
        }
        Ok(findings)
    }

    /// Reads who the bind DN is, and the GUIDs of names; `None` where the server hides them.
    async fn reader(&self, connection: &Connection, names: &[&str]) -> Result<Option<Reader>, Fault> {
        let Identity::Simple(dn, _) = &self.pool.access().identity else { return Ok(None) };
        let all = Filter::present("objectClass");
        let own = self.read_one(connection, &dn.to_string(), &all, &["objectSid", "tokenGroups"]).await?;
        let Some(own) = own else { return Ok(None) };
        let mut sids: Vec<Vec<u8>> =
            ["objectSid", "tokenGroups"].iter().flat_map(|name| own.values(name)).map(<[u8]>::to_vec).collect();
        if sids.is_empty() {
            return Ok(None);
        }
        sids.extend(common());
        let wanted = Filter::any(names.iter().map(|name| Filter::eq("lDAPDisplayName", name)));
        let facts = self.facts_of_schema(connection, &wanted).await?;
        let guid = |octets: &[u8]| Guid::try_from(octets).ok();
        let guids = facts.iter().filter_map(|entry| {
            let name = entry.text("lDAPDisplayName")?.to_ascii_lowercase();
            let own = entry.values("schemaIDGUID").chain(entry.values("attributeSecurityGUID"));
            Some((name, own.filter_map(guid).collect()))
        });
        Ok(Some(Reader { sids, guids: guids.collect() }))
    }

    /// Reads descriptions of classes and attributes from where Active Directory keeps them.
    pub(in super::super) async fn facts_of_schema(
        &self,
        connection: &Connection,
        wanted: &Filter,
    ) -> Result<Vec<Entry>, Fault> {
        // The subschema subentry is in it: CN=Aggregate,CN=Schema,CN=Configuration,...
        let schema = connection.root.schema.as_deref().and_then(|dn| Dn::parse(dn).ok()?.parent());
        let Some(schema) = schema else { return Ok(Vec::new()) };
        let attributes = ["lDAPDisplayName", "schemaIDGUID", "attributeSecurityGUID", "rangeLower", "rangeUpper"];
        let page = self.site.page_size;
        self.search_all(connection, &schema.to_string(), Scope::OneLevel, wanted, &attributes, page).await
    }

    async fn access_list(&self, connection: &Connection, dn: &Dn) -> Result<Option<AccessList>, Fault> {
        let control = RawControl { ctype: DESCRIPTOR_PARTS.to_owned(), crit: true, val: Some(ACCESS_LIST.to_vec()) };
        let all = Filter::present("objectClass");
        let search =
            connection.search(&dn.to_string(), Scope::Base, &all, &["nTSecurityDescriptor"], vec![control]).await;
        let entries = complete(search.map_err(Trouble::of_read)?, self.apart())?;
        let descriptor = entries.first().and_then(|entry| entry.values("nTSecurityDescriptor").next());
        Ok(descriptor.and_then(AccessList::read))
    }

    async fn told(&self, connection: &Connection, dn: &Dn) -> Result<Entry, Fault> {
        let all = Filter::present("objectClass");
        let read = self.read_one(connection, &dn.to_string(), &all, &["allowedAttributesEffective"]).await?;
        Ok(read.unwrap_or_default())
    }
}

fn unproved(base: &Dn) -> Finding {
    let text = "unproved: the bind DN may not read who may do what there; `rosterd check --write-probe` tries it";
    finding(format!("rights below {base}"), Verdict::Warning(text.to_owned()))
}
