//! `[[target]]` and `[mail]`.

use std::num::NonZeroUsize;

use toml::Spanned;
use url::Url;

use super::ConfigFault;
use super::TargetConfig;
use super::TargetKind;
use super::prove::Prover;
use super::raw::RawGid;
use super::raw::RawLdap;
use super::raw::RawLocal;
use super::raw::RawMail;
use super::raw::RawPosix;
use super::raw::RawTarget;
use super::raw::RawUrls;
use super::raw::RawWindow;
use crate::directory::ldap::GroupClass;
use crate::directory::ldap::GroupType;
use crate::directory::ldap::Ldap;
use crate::directory::ldap::LdapSettings;
use crate::directory::ldap::PasswordPolicy;
use crate::directory::ldap::PasswordStorage;
use crate::directory::ldap::PosixGid;
use crate::directory::ldap::PosixSettings;
use crate::directory::ldap::SearchScope;
use crate::directory::ldap::StartTls;
use crate::directory::local::Argon2Settings;
use crate::directory::local::LocalSettings;
use crate::mail::MailLogin;
use crate::mail::MailSettings;
use crate::mail::MailTls;
use crate::mail::Mailer;

impl Prover {
    pub(super) fn target(&mut self, raw: RawTarget) -> Option<TargetConfig> {
        let RawTarget { name, kind, seats: _, ldap, local, scim } = raw;
        let word = kind.get_ref().as_str();
        let tables = [
            ("ldap", ldap.as_ref().map(Spanned::span)),
            ("local", local.as_ref().map(Spanned::span)),
            ("scim", scim.as_ref().map(Spanned::span)),
        ];
        if tables.iter().all(|(own, _)| *own != word) {
            let text = format!("`{word}` is not a kind of target");
            self.fault(ConfigFault::at(kind.span(), text).hint("the kinds are: ldap, scim, local"));
            return None;
        }
        let others = tables.into_iter().filter(|(own, _)| *own != word);
        if let Some((other, span)) = others.filter_map(|(own, span)| Some((own, span?))).next() {
            self.fault(ConfigFault::at(span, format!("a target of kind {word} has no [target.{other}]")));
            return None;
        }
        let kind = match (word, ldap, scim) {
            ("ldap", Some(ldap), _) => TargetKind::Ldap(Box::new(self.ldap(ldap)?)),
            ("scim", _, Some(scim)) => TargetKind::Scim(Box::new(self.scim(scim)?)),
            ("local", ..) => TargetKind::Local(self.local(local)?),
            _ => {
                self.fault(ConfigFault::at(
                    kind.span(),
                    format!("a target of kind {word} needs a table [target.{word}]"),
                ));
                return None;
            }
        };
        Some(TargetConfig { name: name.into_inner(), kind })
    }

    fn local(&mut self, raw: Option<Spanned<RawLocal>>) -> Option<LocalSettings> {
        let span = raw.as_ref().map(Spanned::span).unwrap_or_default();
        let RawLocal { file, argon2, protected } = raw.map(Spanned::into_inner).unwrap_or_default();
        let argon2 = match argon2 {
            None => Argon2Settings::default(),
            Some(raw) => {
                let wanted = raw.get_ref();
                let made = Argon2Settings::new(wanted.memory_kib, wanted.iterations, wanted.parallelism);
                self.take(raw.span(), made)?
            }
        };
        let file = self.data_dir.join(file.unwrap_or_else(|| "directory.sqlite".into()));
        let settings = LocalSettings { file, argon2, protected };
        self.take(span, settings.prove())?;
        Some(settings)
    }

    fn ldap(&mut self, raw: Spanned<RawLdap>) -> Option<LdapSettings> {
        let span = raw.span();
        let raw = raw.into_inner();
        let texts = match raw.url.get_ref() {
            RawUrls::One(url) => std::slice::from_ref(url),
            RawUrls::Several(urls) => urls,
        };
        let mut urls = Vec::new();
        for text in texts {
            urls.push(self.take(raw.url.span(), Url::parse(text).map_err(|error| format!("`{text}`: {error}")))?);
        }
        let mut urls = urls.into_iter();
        let first = self.take(raw.url.span(), urls.next().ok_or("at least one server is needed"))?;
        let mut settings = LdapSettings::new(first, raw.people_base.get_ref());
        settings.further_urls = urls.collect();
        settings.replication_wait = self.duration(raw.replication_wait.as_ref(), settings.replication_wait);
        settings.tls = self.choice(raw.tls.as_ref(), &[("starttls", StartTls::Required), ("none", StartTls::Off)]);
        settings.allow_cleartext = raw.allow_cleartext;
        settings.ca_file = raw.ca_file.as_ref().map(|path| self.config_dir.join(path.get_ref()));
        settings.bind_dn = raw.bind_dn.map(Spanned::into_inner);
        settings.bind_password = match &raw.bind_password {
            Some(secret) => Some(self.secret(secret)?),
            None => None,
        };
        settings.scope =
            self.choice(raw.scope.as_ref(), &[("subtree", SearchScope::Subtree), ("one", SearchScope::One)]);
        let kinds: Vec<_> =
            [("auto", None)].into_iter().chain(LdapSettings::kinds().map(|kind| (kind, Some(kind)))).collect();
        settings.kind = self.choice(raw.kind.as_ref(), &kinds);
        settings.people_filter = raw.people_filter.map(Spanned::into_inner);
        settings.object_classes = raw.object_classes;
        settings.username_attribute = raw.username_attribute;
        settings.naming_attribute = raw.naming_attribute;
        settings.archive_base = raw.archive_base.map(Spanned::into_inner);
        settings.group_base = raw.group_base.map(Spanned::into_inner);
        settings.role_base = raw.role_base.map(Spanned::into_inner);
        settings.channel_base = raw.channel_base.map(Spanned::into_inner);
        let classes = [
            ("auto", None),
            ("groupOfNames", Some(GroupClass::GroupOfNames)),
            ("groupOfUniqueNames", Some(GroupClass::GroupOfUniqueNames)),
            ("posixGroup", Some(GroupClass::PosixGroup)),
        ];
        settings.group_class = self.choice(raw.group_class.as_ref(), &classes);
        let roles = [
            ("organizationalRole", Some(GroupClass::OrganizationalRole)),
            ("nsManagedRoleDefinition", Some(GroupClass::ManagedRole)),
        ];
        settings.role_class = self.choice(raw.role_class.as_ref(), &[&classes[..], &roles].concat());
        let types = [
            ("global-security", GroupType::GlobalSecurity),
            ("universal-security", GroupType::UniversalSecurity),
            ("domain-local-security", GroupType::DomainLocalSecurity),
            ("global-distribution", GroupType::GlobalDistribution),
            ("universal-distribution", GroupType::UniversalDistribution),
            ("domain-local-distribution", GroupType::DomainLocalDistribution),
        ];
        settings.group_type = self.choice(raw.group_type.as_ref(), &types);
        settings.upn_suffix = raw.upn_suffix;
        if let Some(range) = raw.group_gid_range {
            let [first, last] = *range.get_ref();
            if first == 0 || first > last {
                self.fault(ConfigFault::at(range.span(), "a range is two numbers, the smaller one first, not from 0"));
            }
            settings.group_gid_range = first..=last;
        }
        if let Some(posix) = &raw.posix {
            settings.posix = self.posix(posix);
        }
        let policies =
            [("auto", PasswordPolicy::Auto), ("ppolicy", PasswordPolicy::Ppolicy), ("none", PasswordPolicy::None)];
        settings.password_policy = self.choice(raw.password_policy.as_ref(), &policies);
        let storages =
            [PasswordStorage::Server, PasswordStorage::Exop, PasswordStorage::Argon2, PasswordStorage::Ssha512]
                .map(|storage| (storage.word(), storage));
        settings.password_storage = self.choice(raw.password_storage.as_ref(), &storages);
        settings.connect_timeout = self.duration(raw.connect_timeout.as_ref(), settings.connect_timeout);
        settings.timeout = self.duration(raw.timeout.as_ref(), settings.timeout);
        if let Some(size) = raw.page_size {
            settings.page_size = self.at_least_one(&size.span(), *size.get_ref() as usize)?;
        }
        if let Some(window) = raw.in_flight {
            settings.in_flight = match window.get_ref() {
                // A server may take more for an attack: OpenLDAP cuts a connection off above 1,000.
                RawWindow::Count(n @ 1..=1000) => NonZeroUsize::new(*n),
                RawWindow::Word(word) if word == "auto" => None,
                _ => {
                    self.fault(ConfigFault::at(window.span(), "`in_flight` is a number from 1 to 1000, or \"auto\""));
                    None
                }
            };
        }
        settings.transactions = raw.transactions.then_some(LdapSettings::TRANSACTION);
        settings.protected = raw.protected;
        settings.approvers = raw.approvers;
        settings.protected_groups = raw.protected_groups;
        self.take(span, Ldap::new(settings.clone()))?;
        Some(settings)
    }

    fn posix(&mut self, raw: &Spanned<RawPosix>) -> Option<PosixSettings> {
        let [first, last] = raw.get_ref().uid_range;
        let gid = match &raw.get_ref().gid {
            RawGid::Fixed(gid) => Ok(PosixGid::Fixed(*gid)),
            RawGid::Text(text) if text == "uid" => Ok(PosixGid::Uid),
            RawGid::Text(text) => Err(format!("`{text}` is neither the number of a group nor \"uid\"")),
        };
        let range = if first == 0 || first > last {
            Err("a range is two numbers, the smaller one first, not from 0")
        } else {
            Ok(first..=last)
        };
        let (gid, uid_range) = (self.take(raw.span(), gid), self.take(raw.span(), range));
        Some(PosixSettings { uid_range: uid_range?, gid: gid? })
    }

    pub(super) fn at_least_one(&mut self, span: &std::ops::Range<usize>, n: usize) -> Option<NonZeroUsize> {
        self.take(span.clone(), NonZeroUsize::new(n).ok_or("at least 1 is needed"))
    }

    pub(super) fn mail(&mut self, raw: RawMail) -> Option<MailSettings> {
        let login = match (raw.username, &raw.password) {
            (Some(username), Some(password)) => Some(MailLogin { username, password: self.secret(password)? }),
            (None, None) => None,
            _ => {
                self.fault(ConfigFault::at(raw.server.span(), "`username` and `password` of [mail] go together"));
                return None;
            }
        };
        let ca_pem = match &raw.ca_file {
            Some(path) => Some(self.file(path)?),
            None => None,
        };
        let span = raw.server.span();
        let settings = MailSettings {
            server: raw.server.into_inner(),
            tls: self.choice(raw.tls.as_ref(), &[("required", MailTls::Required), ("none", MailTls::None)]),
            ca_pem,
            login,
            from: raw.from.into_inner(),
            reply_to: raw.reply_to.map(Spanned::into_inner),
            timeout: self.duration(raw.timeout.as_ref(), MailSettings::DEFAULT_TIMEOUT),
        };
        if let Err(faults) = Mailer::smtp(&settings) {
            for fault in faults {
                self.fault(ConfigFault::at(span.clone(), fault.to_string()));
            }
            return None;
        }
        Some(settings)
    }
}
