//! What one row of a roster comes to on this server, without writing it.

use std::collections::BTreeMap;

use super::super::Dsa;
use super::super::Ldap;
use super::super::connection::Connection;
use super::super::filter::Filter;
use super::super::group::base_key;
use super::super::profile::Rights;
use super::super::server::Schema;
use super::bad;
use super::finding;
use super::syntax::misfit;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::show_octets;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Create;

/// What one row comes to.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its account.
    pub written: Written,
    /// Groups, roles and channels that it names, each with whether the feed creates such.
    pub groups: Vec<(GroupKind, GroupName, bool)>,
}

/// What is written to an account.
#[derive(Clone, Debug)]
pub enum Written {
    /// A new one. Its password is never shown, so it need not be the real one.
    New(Box<Create>),
    /// One that is there gets these values.
    Changed(Vec<(AttributeName, Vec<Box<[u8]>>)>),
    /// Nothing.
    Nothing,
}

/// How many characters or octets values may have: at least, and at most.
type Bounds = (Option<usize>, Option<usize>);

impl Ldap {
    /// Tells where the account is or would be, what else than the mapped attributes a new entry would have, whether the
    /// schema allows all of it, and which entries the groups are.
    pub async fn check_sample(&self, sample: &Sample) -> Vec<Finding> {
        let found = async {
            let dsa = self.dsa().await?;
            let connection = dsa.pool.lease().await?;
            let mut findings = Vec::new();
            match &sample.written {
                Written::New(create) => dsa.new_sample(&connection, create, &mut findings).await?,
                Written::Changed(values) => {
                    let values = values.iter().map(|(name, values)| (name.as_str(), values.as_slice()));
                    findings.extend(dsa.against_schema(&connection, values).await?);
                }
                Written::Nothing => {}
            }
            for (kind, name, creates) in &sample.groups {
                findings.push(dsa.sample_group(&connection, *kind, name, *creates).await);
            }
            Ok(findings)
        };
        found.await.unwrap_or_else(|fault: Fault| vec![bad("sample", &fault, "")])
    }
}

impl Dsa {
    async fn new_sample(
        &self,
        connection: &Connection,
        create: &Create,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Fault> {
        let (dn, entry) = match self.addition(create) {
            Ok(made) => made,
            Err(fault) => {
                findings.push(bad("sample: account", &fault, "correct [feed.map], or the row"));
                return Ok(());
            }
        };
        let all = Filter::present("objectClass");
        let is_there = self.read_one(connection, &dn.to_string(), &all, &["1.1"]).await?.is_some();
        let parent = dn.parent().map(|parent| parent.to_string()).unwrap_or_default();
        let has_parent = self.read_one(connection, &parent, &all, &["1.1"]).await?.is_some();
        findings.push(finding(
            "sample: account",
            match (is_there, has_parent) {
                (true, _) => Verdict::Bad(
                    format!("it would be {dn}, and there is another entry of that name, which the row does not match"),
                    "let `people_filter` and `match` find it, or name new entries otherwise".to_owned(),
                ),
                (false, false) => Verdict::Bad(
                    format!("it would be {dn}, and there is no {parent}"),
                    "create that entry, or correct `dn` in [feed.map]".to_owned(),
                ),
                (false, true) => Verdict::Good(format!("it would be {dn}; the name is free")),
            },
        ));
        let has = |schema: &Schema, name: &str| schema.synonyms(name).any(|same| entry.has(same)) || entry.has(name);
        let schema = self.schema(connection, &[], &[]).await?;
        let required = self.required_attributes();
        let lacking: Vec<&str> = required.iter().map(String::as_str).filter(|name| !has(&schema, name)).collect();
        let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, values) in entry.clone().into_attributes() {
            let name = String::from_utf8_lossy(&name).into_owned();
            if create.attributes.get(&name).is_none() {
                let is_secret = ["userPassword", "unicodePwd"].iter().any(|secret| secret.eq_ignore_ascii_case(&name));
                let mut values: Vec<String> = match is_secret {
                    true => vec!["(never shown)".to_owned()],
                    false => values.iter().map(|value| show_octets(value).into_owned()).collect(),
                };
                values.sort();
                shown.insert(name, values);
            }
        }
        for name in self.allocates().iter().filter(|name| !entry.has(name)) {
            shown.insert((*name).to_owned(), vec!["(given out when it is created)".to_owned()]);
        }
        let shown: Vec<String> =
            shown.into_iter().map(|(name, values)| format!("{name}: {}", values.join(" | "))).collect();
        findings.push(finding("sample: besides the mapped attributes", Verdict::Good(shown.join("; "))));
        let values: Vec<(&str, Vec<Box<[u8]>>)> = create
            .attributes
            .iter()
            .map(|(name, values)| (name.as_str(), values.octets().map(Into::into).collect()))
            .collect();
        let values = values.iter().map(|(name, values)| (*name, values.as_slice()));
        let mut judged = self.against_schema(connection, values).await?;
        if !lacking.is_empty() {
            let hint = "map them in [feed.map], or take the class out of `object_classes`".to_owned();
            let text = format!("the object classes require {}, and the entry would be without", lacking.join(", "));
            judged.retain(|finding| !matches!(finding.verdict, Verdict::Good(_)));
            judged.push(finding("sample: required attributes", Verdict::Bad(text, hint)));
        }
        findings.extend(judged);
        Ok(())
    }

    /// Judges values by the schema: one finding for each that does not fit, or one that all do.
    async fn against_schema<'v>(
        &self,
        connection: &Connection,
        values: impl Iterator<Item = (&'v str, &'v [Box<[u8]>])>,
    ) -> Result<Vec<Finding>, Fault> {
        let schema = self.schema(connection, &[], &[]).await?;
        if schema.is_empty() {
            let text = "the schema cannot be read to judge the values".to_owned();
            return Ok(vec![finding("sample: schema", Verdict::Warning(text))]);
        }
        let values: Vec<_> = values.filter(|(_, values)| !values.is_empty()).collect();
        let bounds = self.bounds(connection, values.iter().map(|(name, _)| *name)).await?;
        let mut findings = Vec::new();
        for (name, values) in &values {
            let subject = format!("sample: attribute {name}");
            let hint = || format!("correct the row, or the rule for `{name}` in [feed.map]");
            if let verdict @ Verdict::Bad(..) = self.attribute(&schema, name) {
                findings.push(finding(subject, verdict));
                continue;
            }
            let bare = name.split(';').next().unwrap_or_default().to_ascii_lowercase();
            let why = |value: &[u8]| -> Option<String> {
                let by_syntax = schema.syntax(name).and_then(|syntax| misfit(syntax, value));
                by_syntax.map(str::to_owned).or_else(|| out_of(bounds.get(&bare)?, value))
            };
            if values.len() > 1 && schema.is_single(name) {
                let text = format!("{} values, and the server takes one", values.len());
                findings.push(finding(subject, Verdict::Bad(text, hint())));
            } else if let Some((value, why)) = values.iter().find_map(|value| Some((value, why(value)?))) {
                let text = format!("`{}`: {why}", show_octets(value));
                findings.push(finding(subject, Verdict::Bad(text, hint())));
            }
        }
        if findings.is_empty() {
            let text = format!("{} attributes: known, allowed, and in the form that the server tells", values.len());
            findings.push(finding("sample: schema", Verdict::Good(text)));
        }
        Ok(findings)
    }

    /// Returns how long values may be, by name in lower case, where the server tells.
    async fn bounds<'n>(
        &self,
        connection: &Connection,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<BTreeMap<String, Bounds>, Fault> {
        if self.site.profile.rights != Rights::Descriptors {
            return Ok(BTreeMap::new());
        }
        let wanted = Filter::any(names.map(|name| Filter::eq("lDAPDisplayName", name)));
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        let facts = self.facts_of_schema(connection, &wanted).await?;
        let bounds = facts.iter().filter_map(|entry| {
            let name = entry.text("lDAPDisplayName")?.to_ascii_lowercase();
            Some((name, (number(entry.text("rangeLower")), number(entry.text("rangeUpper")))))
        });
        Ok(bounds.collect())
    }

    async fn sample_group(&self, connection: &Connection, kind: GroupKind, name: &GroupName, creates: bool) -> Finding {
        let subject = format!("sample: {} {name}", kind.word());
        match self.find_group(connection, kind, name).await {
            Ok(found) => finding(subject, Verdict::Good(format!("it is {}", found.dn))),
            Err(fault) if fault.next != Next::RejectRow => bad(subject, &fault, &format!("check `{}`", base_key(kind))),
            Err(_) if creates => {
                let base = self.site.base(kind).map(ToString::to_string).unwrap_or_default();
                finding(subject, Verdict::Good(format!("it would be created below {base}")))
            }
            Err(fault) => finding(subject, Verdict::Warning(fault.to_string())),
        }
    }
}

/// Says that a value is too short or too long. Text is counted in characters (MS-ADTS section 3.1.1.2.3).
fn out_of((lower, upper): &Bounds, value: &[u8]) -> Option<String> {
    let length = std::str::from_utf8(value).map_or(value.len(), |text| text.encode_utf16().count());
    match (lower, upper) {
        (Some(lower), _) if length < *lower => Some(format!("{length} characters, and the server wants {lower}")),
        (_, Some(upper)) if length > *upper => Some(format!("{length} characters, and the server takes {upper}")),
        _ => None,
    }
}
