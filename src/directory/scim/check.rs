//! `rosterd check` for a SCIM service: what it is, what it will not do, and what it will not store.

use std::sync::Arc;

use super::Scim;
use super::filter::Filter;
use super::path::AttributePath;
use super::preset::Deleting;
use super::preset::Preset;
use super::provider::Provider;
use super::service::BulkLimits;
use super::service::Capability;
use super::service::Downgrade;
use super::service::Origin;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::ListResponse;
use super::wire::Resource;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::fault::Fault;

mod mapped;
mod probe;

impl Scim {
    /// Tries everything that can be tried without writing, one finding each.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let settings = &self.site.settings;
        let subject = format!("reach {}", settings.base());
        let provider = match self.provider().await {
            Ok(provider) => provider,
            Err(fault) => {
                let hint = "check `url`, `ca_file` and `proxy` in [target.scim], and that the service is up";
                return vec![bad(subject, &fault, hint)];
            }
        };
        let mut findings = vec![finding(subject, Verdict::Good("it answers".to_owned()))];
        let may_read = provider.read_accounts(&mut findings).await;
        if may_read {
            findings.push(provider.apply_a_filter().await);
        }
        findings.extend(provider.described());
        findings.push(provider.limits());
        findings.extend(provider.peculiarities());
        findings.extend(provider.about_passwords());
        findings.extend(provider.downgraded());
        findings
    }
}

impl Provider {
    /// Asks for one account; this proves the credentials.
    async fn read_accounts(&self, findings: &mut Vec<Finding>) -> bool {
        let subject = format!("read accounts from {}", self.service.users);
        let one = self.service.users.query([("startIndex", "1"), ("count", "1")]);
        let mut answer = self.transport.send(Request::get(one).probing(), None).await;
        if matches!(&answer, Err(Trouble::Refused(reply)) if matches!(reply.status, 400 | 500 | 501)) {
            let all = Request::get(self.service.users.url()).probing();
            answer = self.transport.send(all, None).await;
            if answer.is_ok() {
                self.service.downgrade(Capability::Count, "a list with a page size is refused, one without is not");
            }
        }
        let verdict = match answer {
            Ok(reply) => match reply.body.as_ref().map(ListResponse::read) {
                Some(Ok(list)) => {
                    let total = list.total_results.unwrap_or(list.resources.len() as u64);
                    Verdict::Good(format!("the credentials are taken; there are {total}"))
                }
                _ => {
                    let hint = "check `url`: something else may answer there";
                    Verdict::Bad("the answer is no list of accounts".to_owned(), hint.to_owned())
                }
            },
            Err(trouble @ Trouble::Unauthorized(_)) => {
                let hint = "correct `auth` in [target.scim], and what the service lets it do";
                Verdict::Bad(trouble.to_string(), hint.to_owned())
            }
            Err(trouble) => {
                let hint = "check `url`, or `users_path` in `override`";
                Verdict::Bad(trouble.to_string(), hint.to_owned())
            }
        };
        let is_good = matches!(verdict, Verdict::Good(_));
        findings.push(finding(subject, verdict));
        is_good
    }

    /// Asks for somebody who is not there. Who comes all the same shows that filters are not read, so that no answer to
    /// one may be believed.
    async fn apply_a_filter(&self) -> Finding {
        let subject = "filters".to_owned();
        if !self.service.can_filter() {
            let text = "there are none, so whole lists are read".to_owned();
            return finding(subject, Verdict::Good(text));
        }
        let nobody = probe::random_name();
        let filter = Filter::eq(&AttributePath::user_name(), nobody.as_str()).to_string();
        let url = self.service.users.query([("filter", filter.as_str())]);
        let verdict = match self.transport.send(Request::get(url).probing(), None).await {
            Ok(reply) => {
                let found = reply.body.as_ref().and_then(|body| ListResponse::read(body).ok()).map(|list| {
                    let others = list.resources.iter().filter_map(|one| Resource::read(one).ok());
                    others.filter(|one| one.user_name().as_deref() != Some(nobody.as_str())).count()
                });
                match found {
                    Some(0) => Verdict::Good("applied: nobody is found who is not there".to_owned()),
                    Some(n) => {
                        let why = format!("a filter for nobody brings {n} accounts, so it is not read");
                        self.service.downgrade(Capability::Filter, why.clone());
                        Verdict::Warning(format!("{why}; whole lists are read and compared here instead"))
                    }
                    None => Verdict::Warning("the answer to a filter is no list; whole lists are read".to_owned()),
                }
            }
            Err(trouble) => {
                self.service.downgrade(Capability::Filter, trouble.to_string());
                Verdict::Warning(format!("refused ({trouble}), so whole lists are read"))
            }
        };
        finding(subject, verdict)
    }

    /// What is known of the service, and from where.
    fn described(&self) -> impl Iterator<Item = Finding> {
        self.service.found.iter().map(|note| {
            let text = match note.origin {
                Origin::Misread => note.text.clone(),
                origin => format!("{} ({origin})", note.text),
            };
            let is_doubtful = note.origin == Origin::Misread;
            let verdict = if is_doubtful { Verdict::Warning(text) } else { Verdict::Good(text) };
            finding(note.subject, verdict)
        })
    }

    fn limits(&self) -> Finding {
        let settings = &self.settings;
        let bulk = match self.service.bulk_limits() {
            Some(BulkLimits { operations, payload }) => {
                format!("{operations} operations and {payload} bytes per bulk request")
            }
            None => "no bulk requests".to_owned(),
        };
        let text = format!(
            "{} requests, {} at a time, {} accounts per page, {} members per request, {bulk}",
            settings.max_rate(),
            settings.in_flight(),
            self.service.page_size,
            settings.members_per_request(),
        );
        finding("limits in force", Verdict::Good(text))
    }

    fn peculiarities(&self) -> Vec<Finding> {
        let Some(Preset { title, sources, notes, delete, .. }) = self.settings.preset else { return Vec::new() };
        let subject = format!("preset for {title}");
        let mut findings = vec![finding(subject.clone(), Verdict::Good(format!("from {}", sources.join(" and "))))];
        let deleting = match delete {
            Deleting::Deletes => None,
            Deleting::Deactivates => Some("to delete an account switches it off, no more"),
            Deleting::SuspendsForGood => Some("a deleted account can never be used again: let feeds disable"),
        };
        findings.extend(
            notes
                .iter()
                .copied()
                .chain(deleting)
                .map(|text| finding(subject.clone(), Verdict::Warning(text.to_owned()))),
        );
        findings
    }

    fn about_passwords(&self) -> Vec<Finding> {
        let mut texts = Vec::new();
        if !self.settings.is_private() {
            texts.push("none is ever written, since everybody on the way could read it: `url` is http");
        }
        if self.settings.must_change_attribute.is_none() {
            texts.push(
                "SCIM cannot force a change at the next login; name the attribute that does in `must_change_attribute`, \
                 if the service has one",
            );
        }
        texts.into_iter().map(|text| finding("passwords", Verdict::Warning(text.to_owned()))).collect()
    }

    fn downgraded(&self) -> Vec<Finding> {
        let told = |downgrade| match downgrade {
            // It has a finding of its own.
            Downgrade::Capability(Capability::Filter, _) => None,
            Downgrade::Capability(capability, why) => {
                Some(finding(format!("without {capability}"), Verdict::Warning(why)))
            }
            Downgrade::Attribute(path, why) => Some(finding(format!("attribute {path}"), Verdict::Warning(why))),
        };
        self.service.downgrades.all().into_iter().filter_map(told).collect()
    }
}

/// Returns the provider, or the one finding that says why there is none.
async fn known(scim: &Scim, subject: &str) -> Result<Arc<Provider>, Vec<Finding>> {
    scim.provider().await.map_err(|fault| vec![bad(subject, &fault, "")])
}

fn finding(subject: impl Into<String>, verdict: Verdict) -> Finding {
    Finding { subject: subject.into(), verdict }
}

fn bad(subject: impl Into<String>, fault: &Fault, hint: &str) -> Finding {
    finding(subject, Verdict::Bad(fault.to_string(), hint.to_owned()))
}
