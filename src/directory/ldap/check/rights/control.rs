//! Servers of Netscape's family tell rights by a control on a search (draft-ietf-ldapext-acl-model section 7). 389
//! Directory Server tells those to an entry that is not there yet as well: `attribute@class` stands for a new entry of
//! the class below the base.

use std::collections::BTreeSet;
use std::collections::HashMap;

use ldap3::Scope;
use ldap3::controls::RawControl;

use super::super::super::Dsa;
use super::super::super::complete::complete;
use super::super::super::connection::Connection;
use super::super::super::entry::Entry;
use super::super::super::fault::Trouble;
use super::super::super::filter::Filter;
use super::super::super::group::By;
use super::super::super::name::Dn;
use super::super::super::settings::Identity;
use super::super::finding;
use super::super::needs::Needs;
use super::granted;
use super::granted_attributes;
use super::lists_members;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::fault::Fault;

/// Get Effective Rights.
const CONTROL: &str = "1.3.6.1.4.1.42.2.27.9.5.2";
const PAGE: &str = "docs/389-ds.md, step 3";

/// The rights to one entry, or to a new one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Effective {
    /// The class of a new entry, in lower case; `None` for one that is there.
    template_of: Option<String>,
    /// `v` view, `a` add, `d` delete, `n` rename.
    entry: String,
    /// By name in lower case: `r` read, `s` search, `c` compare, `w` add values, `o` delete them.
    attributes: HashMap<String, String>,
}

impl Effective {
    fn of(entry: &Entry) -> Self {
        let levels = entry.text("attributeLevelRights").unwrap_or_default();
        let pairs = levels.split(", ").filter_map(|pair| pair.rsplit_once(':'));
        Self {
            template_of: template_of(&entry.dn),
            entry: entry.text("entryLevelRights").unwrap_or_default().to_owned(),
            attributes: pairs.map(|(name, rights)| (name.to_ascii_lowercase(), rights.to_owned())).collect(),
        }
    }

    fn has(&self, attribute: &str, rights: &str) -> bool {
        let Some(held) = self.attributes.get(attribute).filter(|held| *held != "none") else { return false };
        rights.chars().all(|right| held.contains(right))
    }
}

/// Returns the class of the new entry that a name such as `uid=template_inetorgperson_objectclass,...` stands for.
fn template_of(dn: &str) -> Option<String> {
    let dn = dn.to_ascii_lowercase();
    let (_, class) = dn.split_once("=template_")?;
    Some(class.split_once("_objectclass").map_or(class, |(class, _)| class).to_owned())
}

/// Returns the attributes of which none of the entries grants the rights.
fn missing<'n>(told: &[Effective], names: impl IntoIterator<Item = &'n String>, rights: &str) -> Vec<String> {
    names.into_iter().filter(|name| !told.iter().any(|told| told.has(name, rights))).cloned().collect()
}

impl Dsa {
    pub(super) async fn rights_by_control(
        &self,
        connection: &Connection,
        needs: &Needs,
    ) -> Result<Vec<Finding>, Fault> {
        let base = &self.site.people_base;
        let unproved = |why: &str| {
            let text = format!("unproved, since {why}; `rosterd check --write-probe` tries them");
            vec![finding("rights to write", Verdict::Warning(text))]
        };
        let Identity::Simple(dn, _) = &self.pool.access().identity else {
            return Ok(unproved("the server tells them to those who bind with a DN"));
        };
        if !connection.root.has_control(CONTROL) {
            return Ok(unproved("the server does not offer the control for effective rights"));
        }
        let mut findings = Vec::new();
        let mut asked = self.attributes_to_write(needs);
        asked.extend((needs.creates || needs.resets).then(|| "userpassword".to_owned()));
        let names: Vec<&str> = asked.iter().map(String::as_str).collect();
        let new = self.effective(connection, dn, base, &names, &self.site.object_classes).await?;
        if new.is_empty() {
            return Ok(unproved("the server does not tell them to the bind DN"));
        }
        if needs.creates {
            let is_granted = new.iter().any(|told| told.entry.contains('a'));
            findings.push(granted(format!("rights: create accounts below {base}"), is_granted, PAGE));
        }
        let account = match self.an_account(connection).await {
            None => None,
            Some(account) => Some((self.effective(connection, dn, &account, &names, &[]).await?, account)),
        };
        let untold = self.of_other_classes(connection, &new, &asked).await?;
        // What holds for new accounts may not hold for those who are there, and the other way round.
        let place = format!("accounts below {base}");
        let all = [(new, format!("new {place}"))].into_iter().chain(account.map(|(told, dn)| (told, dn.to_string())));
        for (told, whom) in all {
            if needs.writes() || needs.creates {
                let is_new = told.iter().any(|told| told.template_of.is_some());
                let names: Vec<String> =
                    asked.iter().filter(|name| !is_new || !untold.contains(name.as_str())).cloned().collect();
                let lacking = missing(&told, &names, "wo");
                findings.push(granted_attributes(format!("rights: write {whom}"), names.len(), &lacking, PAGE));
            }
            let may = |right| told.iter().any(|told| told.entry.contains(right));
            if needs.deletes {
                findings.push(granted(format!("rights: delete {whom}"), may('d'), PAGE));
            }
            if needs.relocates {
                findings.push(granted(format!("rights: rename {whom}"), may('n'), PAGE));
            }
        }
        for (kind, base, class) in self.written_groups(needs) {
            let word = kind.word();
            let attribute = class.attribute.to_ascii_lowercase();
            let names: &[&str] = if lists_members(&class) { &[&attribute] } else { &["objectClass"] };
            let told = self.effective(connection, dn, &base, names, &[class.name.to_owned()]).await?;
            if needs.groups.contains(&kind) {
                let is_granted = told.iter().any(|told| told.entry.contains('a'));
                findings.push(granted(format!("rights: create {word}s below {base}"), is_granted, PAGE));
            }
            if !needs.members.contains(&kind) {
                continue;
            }
            let subject = format!("rights: write members of {word}s below {base}");
            if let By::OwnEntry { .. } = class.by {
                let text = format!(
                    "unproved: the server does not tell which values of {} may be written; `rosterd check --write-probe` \
                     tries it",
                    class.attribute
                );
                findings.push(finding(subject, Verdict::Warning(text)));
                continue;
            }
            findings.push(granted(subject, told.iter().any(|told| told.has(&attribute, "wo")), PAGE));
            let Some(group) = self.a_group(connection, kind, &base).await else { continue };
            let (Ok(group_dn), Some(found)) = (Dn::parse(&group.dn), self.found(kind, &group)) else { continue };
            if lists_members(&found.class) {
                let attribute = found.class.attribute.to_ascii_lowercase();
                let told = self.effective(connection, dn, &group_dn, &[&attribute], &[]).await?;
                let is_granted = told.iter().any(|told| told.has(&attribute, "wo"));
                findings.push(granted(format!("rights: write members of {group_dn}"), is_granted, PAGE));
            }
        }
        Ok(findings)
    }

    /// Returns which of `names` the server cannot tell the rights to in new accounts: a new entry stands for one class,
    /// and rights that are given to people are not given to an auxiliary class by itself.
    async fn of_other_classes(
        &self,
        connection: &Connection,
        new: &[Effective],
        names: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Fault> {
        let may_be_added = new.iter().filter(|told| told.entry.contains('a'));
        let told: Vec<String> = may_be_added.filter_map(|told| told.template_of.clone()).collect();
        let schema = self.schema(connection, &[], &[]).await?;
        let is_of_others =
            |name: &&String| schema.allows(&self.site.object_classes, name) && !schema.allows(&told, name);
        Ok(names.iter().filter(|_| !told.is_empty()).filter(is_of_others).cloned().collect())
    }

    /// Asks for the rights of `who` to an entry, or with `classes` to new entries of these classes below it.
    async fn effective(
        &self,
        connection: &Connection,
        who: &Dn,
        base: &Dn,
        names: &[&str],
        classes: &[String],
    ) -> Result<Vec<Effective>, Fault> {
        let of_class = |class: &String| names.iter().map(|name| format!("{name}@{class}")).collect::<Vec<_>>();
        let wanted: Vec<String> = match classes {
            [] => names.iter().map(|name| (*name).to_owned()).collect(),
            _ => classes.iter().filter(|class| !class.eq_ignore_ascii_case("top")).flat_map(of_class).collect(),
        };
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let control = RawControl { ctype: CONTROL.to_owned(), crit: true, val: Some(format!("dn:{who}").into_bytes()) };
        let all = Filter::present("objectClass");
        let answer = connection.search(&base.to_string(), Scope::Base, &all, &wanted, vec![control]).await;
        let answer = answer.map_err(Trouble::of_read)?;
        if matches!(answer.result.rc, 12 | 50 | 53) {
            return Ok(Vec::new());
        }
        let entries = complete(answer, self.apart())?;
        let told = entries.iter().map(Effective::of).filter(|told| told.template_of.is_some() != classes.is_empty());
        Ok(told.filter(|told| !told.entry.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 389-ds-base 2.3 answers.
    fn told() -> Effective {
        let text = [
            ("entryLevelRights", "vadn"),
            ("attributeLevelRights", "uid:rscwo, userPassword:wo, nsRoleDN:rsc, aci:none, cn;lang-de:rscwo"),
        ];
        let text = text.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect();
        Effective::of(&Entry::of("sn=template_inetOrgPerson_objectclass,o=x".to_owned(), text, HashMap::new()))
    }

    #[test]
    fn rights_are_read_from_the_answer() {
        let told = told();
        assert_eq!(told.template_of.as_deref(), Some("inetorgperson"));
        assert!(told.entry.contains('a') && told.entry.contains('d'));
        assert!(told.has("uid", "wo") && told.has("userpassword", "wo") && !told.has("userpassword", "r"));
        assert!(!told.has("nsroledn", "w") && !told.has("aci", "n") && !told.has("title", "w"));
        let names = ["uid", "nsroledn", "title"].map(str::to_owned);
        assert_eq!(missing(&[told], &names, "wo"), ["nsroledn", "title"]);
    }

    #[test]
    fn no_answer_is_no_right() {
        let entry = Entry::of("o=x".to_owned(), HashMap::new(), HashMap::new());
        assert_eq!(Effective::of(&entry), Effective::default());
        assert_eq!(missing(&[], &["uid".to_owned()], "w"), ["uid"]);
    }
}
