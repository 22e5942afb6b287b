//! `[[feed]]`.

use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use encoding_rs::Encoding;
use globset::GlobBuilder;
use globset::GlobSet;
use globset::GlobSetBuilder;
use sha2::Digest;
use sha2::Sha256;
use toml::Spanned;

use super::ConfigFault;
use super::FeedConfig;
use super::TargetConfig;
use super::map::match_by;
use super::map::then_by_username;
use super::prove::Prover;
use super::raw::RawCsv;
use super::raw::RawFeed;
use super::raw::RawLetters;
use super::raw::RawMemberships;
use super::raw::RawOld;
use super::raw::RawPasswords;
use crate::daemon::schedule::Schedule;
use crate::directory::Throttle;
use crate::intake::scan::Patterns;
use crate::intake::watch;
use crate::provision::letters::LetterProof;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::letter::LetterSources;
use crate::roster::letter::LetterTemplate;
use crate::roster::mapping::Mapping;
use crate::roster::matching::MatchRules;
use crate::roster::memberships::MembershipRules;
use crate::roster::name_key::MatchKey;
use crate::roster::password::PasswordPolicy;
use crate::roster::place::May;
use crate::roster::planner::OldPolicy;
use crate::roster::planner::PasswordRules;
use crate::roster::planner::PlanRules;
use crate::roster::read::Dialect;
use crate::roster::read::FinalNewline;
use crate::run::feed::Feed;
use crate::run::feed::LetterSettings;
use crate::run::feed::Mode;

const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(250).expect("250 is not zero");
const MAILS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

/// How long people are kept before they are deleted.
const GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Attributes that say who an Old account is.
const NAMES: [&str; 3] = ["givenName", "sn", "mail"];

impl Prover {
    /// Proves one feed. `text` stands for its rules in the ids of plans; `seats` are those of its target.
    pub(super) fn feed(
        &mut self,
        raw: RawFeed,
        text: &str,
        target: Option<&TargetConfig>,
        seats: Option<usize>,
        has_mail: bool,
    ) -> Option<FeedConfig> {
        let n_faults = self.n_faults();
        let digest = Sha256::digest(format!("{text} {:?}", target.map(|target| &target.name)).as_bytes()).to_vec();
        let mapping = self.mapping(&raw);
        let dialect = self.dialect(&raw.csv);
        let throttle = self.throttle(&raw);
        let passwords = self.password_policy(&raw.passwords);
        let letters = self.letters(&raw.letters, has_mail);
        let groups = self.memberships(&raw.groups);
        let roles = self.memberships(&raw.roles);
        let schedule = self.schedule(&raw);
        let folder = raw.folder.as_ref().map(|folder| self.data_dir.join(folder));
        let patterns = self.patterns(raw.pattern.as_ref());
        let modes = [("apply", Mode::Apply), ("review", Mode::Review)];
        let mode = self.choice(raw.mode.as_ref(), &modes);
        let watches = [("auto", watch::Mode::Auto), ("native", watch::Mode::Native), ("poll", watch::Mode::Poll)];
        let watch = self.choice(raw.watch.as_ref(), &watches);
        let rescan = self.duration(raw.rescan.as_ref(), Duration::from_secs(10));
        let settle = self.duration(raw.settle.as_ref(), Duration::from_secs(3));
        let (old, grace) = self.old(&raw.old, target);
        let plan = PlanRules {
            passwords: PasswordRules {
                generate_for_new: raw.passwords.generate_for_new.unwrap_or(true),
                generate_for_existing: raw.passwords.generate_for_existing.unwrap_or(false),
                from_file_for_existing: raw.passwords.from_file_for_existing.unwrap_or(false),
                change_next_time: raw.passwords.change_next_time.unwrap_or(true),
            },
            old,
            grace,
            reenable: raw.old.reenable.unwrap_or(true),
            seats: [seats, raw.seats].into_iter().flatten().min(),
            limits: self.limits(&raw.limits),
        };
        let mapping = mapping?;
        let matching = match_rules(&raw, &mapping, &plan);
        let mapped: Vec<AttributeName> = mapping.schema().names().cloned().collect();
        let attributes = Schema::new(
            mapped
                .iter()
                .cloned()
                .chain(matching.unique.iter().cloned())
                .chain(matching.scope.iter().map(|(name, _)| name.clone()))
                .chain(NAMES.map(AttributeName::new)),
        );
        let feed = Feed {
            name: raw.name.into_inner(),
            target: raw.target.into_inner(),
            mode,
            dialect,
            mapping,
            matching,
            plan,
            groups: groups?,
            roles: roles?,
            throttle: throttle?,
            passwords: passwords?,
            letters: letters?,
            attributes,
            mapped,
            digest,
        };
        (self.n_faults() == n_faults).then_some(())?;
        let feed = Arc::new(feed);
        Some(FeedConfig { feed, folder, patterns: patterns?, watch, rescan, settle, schedule: schedule? })
    }

    fn dialect(&mut self, raw: &RawCsv) -> Dialect {
        let mut dialect = Dialect::default();
        if let Some(encoding) = raw.encoding.as_ref().filter(|encoding| encoding.get_ref() != "auto") {
            let found = Encoding::for_label(encoding.get_ref().as_bytes())
                .ok_or_else(|| format!("`{}` is not the name of an encoding", encoding.get_ref()));
            dialect.encoding = self.take(encoding.span(), found);
        }
        if let Some(delimiter) = raw.delimiter.as_ref().filter(|delimiter| delimiter.get_ref() != "auto") {
            let found = match delimiter.get_ref().as_bytes() {
                [byte @ (b',' | b';' | b'\t' | b'|')] => Ok(*byte),
                _ => Err("a delimiter is one of: , ; | \\t"),
            };
            dialect.delimiter = self.take(delimiter.span(), found);
        }
        let choices = [("required", FinalNewline::Required), ("optional", FinalNewline::Optional)];
        dialect.final_newline = self.choice(raw.final_newline.as_ref(), &choices);
        dialect
    }

    fn throttle(&mut self, raw: &RawFeed) -> Option<Throttle> {
        let batch_size = match &raw.batch_size {
            Some(size) => self.at_least_one(&size.span(), *size.get_ref())?,
            None => BATCH_SIZE,
        };
        let pause = self.duration(raw.pause.as_ref(), Duration::ZERO);
        Some(Throttle { batch_size, pause, max_rate: raw.max_rate.and_then(NonZeroU32::new) })
    }

    fn password_policy(&mut self, raw: &RawPasswords) -> Option<PasswordPolicy> {
        let length = raw.length.as_ref().map_or(PasswordPolicy::DEFAULT_LENGTH, |length| *length.get_ref());
        let alphabet = raw.alphabet.as_ref().map_or(PasswordPolicy::DEFAULT_ALPHABET, |alphabet| alphabet.get_ref());
        let span = raw.alphabet.as_ref().map(Spanned::span).or_else(|| raw.length.as_ref().map(Spanned::span));
        self.take(span.unwrap_or_default(), PasswordPolicy::new(length, alphabet))
    }

    fn letters(&mut self, raw: &RawLetters, has_mail: bool) -> Option<Option<LetterSettings>> {
        let Some(wanted) = raw.email_credentials.as_ref().filter(|wanted| *wanted.get_ref()) else { return Some(None) };
        if !has_mail {
            let fault = ConfigFault::at(wanted.span(), "letters need a mail server");
            self.fault(fault.hint("add [mail] with server and from"));
        }
        let mut template = |path: &Option<Spanned<std::path::PathBuf>>| match path {
            None => Some(None),
            Some(path) => {
                let bytes = self.file(path)?;
                let text = String::from_utf8(bytes).map_err(|_| "the template is not UTF-8");
                self.take(path.span(), text).map(Some)
            }
        };
        let sources = LetterSources {
            text: template(&raw.text)?,
            html: template(&raw.html)?,
            subject: raw.subject.as_ref().map(|subject| subject.get_ref().clone()),
            login_url: raw.login_url.clone(),
        };
        let template = self.take(wanted.span(), LetterTemplate::compile(&sources))?;
        let per_minute = match &raw.mails_per_minute {
            Some(n) => self.take(n.span(), NonZeroU32::new(*n.get_ref()).ok_or("at least 1 is needed"))?,
            None => MAILS_PER_MINUTE,
        };
        let proof = match (raw.without_proof.unwrap_or(false), raw.prove_login.unwrap_or(true)) {
            (true, _) => LetterProof::None,
            (false, false) => LetterProof::State,
            (false, true) => LetterProof::Login,
        };
        Some(Some(LetterSettings { template: Arc::new(template), per_minute, proof }))
    }

    fn memberships(&mut self, raw: &RawMemberships) -> Option<MembershipRules> {
        let owned = match &raw.owned {
            None => GlobSet::empty(),
            Some(patterns) => {
                let mut set = GlobSetBuilder::new();
                for pattern in patterns.get_ref() {
                    // Names are compared folded, so patterns are folded too.
                    let folded = MatchKey::new(pattern);
                    let glob = GlobBuilder::new(folded.as_str()).literal_separator(false).build();
                    set.add(self.take(patterns.span(), glob)?);
                }
                self.take(patterns.span(), set.build())?
            }
        };
        Some(MembershipRules { create: raw.create.unwrap_or(false), owned })
    }

    /// Proves what becomes of people who are in the directory only, and how long they are kept before they are deleted.
    fn old(&mut self, raw: &RawOld, target: Option<&TargetConfig>) -> (OldPolicy, Option<Duration>) {
        let has_archive = target.is_some_and(TargetConfig::has_archive);
        let grace = raw.grace.as_ref().map_or(GRACE, |grace| self.days(grace));
        let policies = [
            ("report", OldPolicy::Report),
            ("keep", OldPolicy::Keep),
            ("disable", OldPolicy::Disable),
            ("move", OldPolicy::Move),
            ("delete", OldPolicy::Delete { at_once: grace.is_zero(), archives: has_archive }),
        ];
        let policy = self.choice(raw.policy.as_ref(), &policies);
        if let (OldPolicy::Move, Some(span)) = (policy, raw.policy.as_ref().map(Spanned::span))
            && target.is_some()
            && !has_archive
        {
            let fault = ConfigFault::at(span, "there is no archive to move people to");
            self.fault(fault.hint("set `archive_base` in [target.ldap]; other targets have none"));
        }
        (policy, matches!(policy, OldPolicy::Delete { .. }).then_some(grace))
    }

    fn schedule(&mut self, raw: &RawFeed) -> Option<Option<Schedule>> {
        let Some(cron) = &raw.schedule else {
            if let Some(zone) = &raw.time_zone {
                self.fault(ConfigFault::at(zone.span(), "`time_zone` belongs to a `schedule`"));
            }
            return Some(None);
        };
        let zone = raw.time_zone.as_ref().map(|zone| zone.get_ref().as_str());
        match Schedule::new(cron.get_ref(), zone, jiff::Timestamp::now()) {
            Ok(schedule) => Some(Some(schedule)),
            Err(fault) => {
                self.fault(ConfigFault::at(cron.span(), fault.to_string()).hint(fault.hint()));
                None
            }
        }
    }

    fn patterns(&mut self, raw: Option<&Spanned<Vec<String>>>) -> Option<Patterns> {
        match raw {
            None => self.take(0..0, Patterns::new(&["*.csv", "*.xlsx"])),
            Some(patterns) => self.take(patterns.span(), Patterns::new(patterns.get_ref())),
        }
    }
}

fn match_rules(raw: &RawFeed, mapping: &Mapping, plan: &PlanRules) -> MatchRules {
    let names = mapping.schema().names();
    MatchRules {
        by: match_by(raw),
        then_by_username: then_by_username(raw),
        policies: names.map(|name| (name.clone(), mapping.policy(name))).collect(),
        unique: mapping.settings().checks.unique.clone(),
        scope: raw.old.scope.iter().map(|(name, value)| (AttributeName::new(name), MatchKey::new(value))).collect(),
        memberships: true,
        may: May { rename: raw.defaults.rename.unwrap_or(false), relocate: raw.defaults.relocate.unwrap_or(false) },
        touches_all: plan.passwords.generate_for_existing || plan.passwords.from_file_for_existing,
    }
}
