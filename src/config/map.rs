//! `[feed.map]`, `[feed.csv]`, `[feed.checks]` and `[feed.defaults]`: the way from rows to accounts.

use std::ops::Range;

use toml::Spanned;

use super::ConfigFault;
use super::prove::Prover;
use super::raw::RawChecks;
use super::raw::RawDefaults;
use super::raw::RawFeed;
use super::raw::RawRule;
use super::raw::RawRuleTable;
use crate::roster::account::Action;
use crate::roster::account::Choices;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::checks::Characters;
use crate::roster::checks::CheckSettings;
use crate::roster::enclosed::MAX_SIZE;
use crate::roster::mapping::Collision;
use crate::roster::mapping::EmptyCell;
use crate::roster::mapping::Encoding;
use crate::roster::mapping::Locale;
use crate::roster::mapping::Mapping;
use crate::roster::mapping::MappingSettings;
use crate::roster::mapping::Means;
use crate::roster::mapping::Policy;
use crate::roster::mapping::Rule;
use crate::roster::mapping::Source;
use crate::roster::mapping::Target;
use crate::roster::mapping::default_rules;
use crate::roster::problem::Severity;
use crate::roster::reference::ReferenceKey;

/// What stands for the login name, whatever the target calls it.
const USERNAME: &str = "username";

const POLICIES: [(&str, Policy); 4] =
    [("force", Policy::Force), ("keep", Policy::Keep), ("create-only", Policy::CreateOnly), ("merge", Policy::Merge)];

impl Prover {
    /// Proves everything that makes accounts out of rows.
    pub(super) fn mapping(&mut self, raw: &RawFeed) -> Option<Mapping> {
        let n_faults = self.n_faults();
        let mut collision = Collision::Error;
        let mut rules = Vec::new();
        let mut spans: Vec<(String, Range<usize>)> = vec![("match".to_owned(), raw.name.span())];
        if let Some(match_by) = &raw.match_by {
            spans.push(("match".to_owned(), match_by.span()));
            if !matches!(match_by.get_ref().names(), [_]) && !is_attribute_then_username(match_by.get_ref().names()) {
                let text = "a list names an attribute, and then \"username\"";
                let hint = "for example match = [\"employeeNumber\", \"username\"]: an account that has no number yet is that \
                            of the row with its username";
                self.fault(ConfigFault::at(match_by.span(), text).hint(hint));
            }
        }
        for (key, rule) in &raw.map {
            spans.push((format!("map.{key}"), rule.span()));
            if key.eq_ignore_ascii_case("action") {
                let text = "`action` is no attribute: what is to be done with a row stands in its column `action`";
                self.fault(ConfigFault::at(rule.span(), text).hint(
                    "another header for it is named in `columns` of [feed.csv]; what all rows are for, in `action` of \
                     [feed.defaults]",
                ));
            }
            match rule.get_ref() {
                RawRule::Text(text) => rules.push(Rule::short(key, text)),
                RawRule::Table(table) => rules.extend(self.rule(key, table, &rule.span(), &mut collision)),
            }
        }
        if let Some(match_by) =
            raw.match_by.as_ref().filter(|_| then_by_username(raw) && collision == Collision::Counter)
        {
            let text = "with `collision = \"counter\"` a username does not say who somebody is";
            self.fault(ConfigFault::at(match_by.span(), text).hint("name the attribute alone"));
        }
        let defaults = &raw.defaults;
        let settings = MappingSettings {
            rules,
            defaults: default_rules(),
            aliases: raw.csv.columns.iter().map(|(header, alias)| (header.clone(), alias.clone())).collect(),
            match_by: match_by(raw),
            collision,
            separators: raw.csv.separators.clone().unwrap_or_else(|| "|;".to_owned()),
            empty: self.choice(raw.csv.empty.as_ref(), &[("keep", EmptyCell::Keep), ("clear", EmptyCell::Clear)]),
            locale: self.locale(raw.locale.as_ref()),
            choices: Choices {
                add: defaults.add.unwrap_or(true),
                update: defaults.update.unwrap_or(true),
                sync_groups: defaults.sync_groups.unwrap_or(false),
                sync_roles: defaults.sync_roles.unwrap_or(false),
                subscribe: defaults.subscribe.unwrap_or(false),
                action: self.action(defaults),
            },
            allow_disable: defaults.allow_row_disable.unwrap_or(true),
            allow_delete: defaults.allow_row_delete.unwrap_or(false),
            checks: self.checks(&raw.checks),
        };
        match Mapping::new(settings) {
            Ok(mapping) if self.n_faults() == n_faults => Some(mapping),
            Ok(_) => None,
            Err(faults) => {
                for fault in faults {
                    let span = spans.iter().rev().find(|(key, _)| *key == fault.key).map(|(_, span)| span.clone());
                    self.fault(ConfigFault { span, text: fault.to_string(), hint: None });
                }
                None
            }
        }
    }

    fn rule(
        &mut self,
        key: &str,
        table: &RawRuleTable,
        span: &Range<usize>,
        collision: &mut Collision,
    ) -> Option<Rule> {
        let RawRuleTable {
            column, template, policy, separator, default, multi, collision: on_collision, optional, ..
        } = table;
        let target = Target::from_key(key);
        let source = match (column, template) {
            (Some(column), None) => Source::Column(column.clone()),
            (None, Some(template)) => Source::Template(template.clone()),
            (Some(_), Some(_)) => {
                self.fault(ConfigFault::at(span.clone(), "either `column` or `template`, not both"));
                return None;
            }
            (None, None) => match default_rules().into_iter().find(|rule| rule.target == target) {
                Some(rule) => rule.source,
                None => Source::Column(key.to_owned()),
            },
        };
        let mut rule = Rule::new(target, source);
        if let Some(policy) = policy {
            match POLICIES.iter().find(|(word, _)| word == policy) {
                Some((_, policy)) => rule.policy = *policy,
                None => {
                    let text = format!("`{policy}` is not one of: force, keep, create-only, merge");
                    self.fault(ConfigFault::at(span.clone(), text));
                }
            }
        }
        match on_collision.as_deref() {
            None | Some("error") => {}
            Some("counter") if rule.target == Target::Username => *collision = Collision::Counter,
            Some("counter") => {
                self.fault(ConfigFault::at(span.clone(), "only usernames are counted up").hint("remove `collision`"));
            }
            Some(other) => {
                self.fault(ConfigFault::at(span.clone(), format!("`{other}` is not one of: error, counter")));
            }
        }
        rule.means = self.means(table, span)?;
        rule.separators.clone_from(separator);
        rule.multi = multi.unwrap_or(false);
        rule.optional = optional.unwrap_or(false);
        rule.default.clone_from(default);
        Some(rule)
    }

    /// Proves what the text of a rule's value stands for.
    fn means(&mut self, table: &RawRuleTable, span: &Range<usize>) -> Option<Means> {
        let RawRuleTable { reference, encoding, file, max_size, .. } = table;
        let is_file = file.unwrap_or(false);
        let mut fault = |text: String| {
            self.fault(ConfigFault::at(span.clone(), text));
            None
        };
        if max_size.is_some() && !is_file {
            return fault("`max_size` goes with `file = true`".to_owned());
        }
        match (reference, encoding.as_deref(), is_file) {
            (None, None, false) => Some(Means::Text),
            (Some(key), None, false) => Some(Means::Person(ReferenceKey::named(key))),
            (None, Some("base64"), false) => Some(Means::Octets(Encoding::Base64)),
            (None, Some("hex"), false) => Some(Means::Octets(Encoding::Hex)),
            (None, Some(other), false) => fault(format!("`{other}` is not one of: base64, hex")),
            (None, None, true) => Some(Means::File(max_size.unwrap_or(MAX_SIZE))),
            _ => fault("only one of `reference`, `encoding` and `file`".to_owned()),
        }
    }

    /// Proves what is done with rows that do not say it; that must be something that a row may say.
    fn action(&mut self, raw: &RawDefaults) -> Action {
        let actions = [("auto", Action::Auto), ("disable", Action::Disable), ("delete", Action::Delete)];
        let action = self.choice(raw.action.as_ref(), &actions);
        let (allowed, key) = match action {
            Action::Auto => return action,
            Action::Disable => (raw.allow_row_disable.unwrap_or(true), "allow_row_disable"),
            Action::Delete => (raw.allow_row_delete.unwrap_or(false), "allow_row_delete"),
        };
        if let Some(span) = raw.action.as_ref().map(Spanned::span).filter(|_| !allowed) {
            let fault = ConfigFault::at(span, format!("rows are not allowed to do that: `{key}` is false"));
            self.fault(fault.hint(format!("set `{key} = true` beside it")));
        }
        action
    }

    fn locale(&mut self, raw: Option<&Spanned<String>>) -> Locale {
        let Some(raw) = raw else { return Locale::default() };
        let named =
            Locale::named(raw.get_ref()).ok_or_else(|| format!("`{}` is not a language, such as de", raw.get_ref()));
        self.take(raw.span(), named).unwrap_or_default()
    }

    fn checks(&mut self, raw: &RawChecks) -> CheckSettings {
        let mut checks = CheckSettings {
            required: raw.required.clone(),
            unique: raw.unique.iter().map(|name| AttributeName::new(name)).collect(),
            dangling: self.choice(raw.dangling.as_ref(), &[("warn", Severity::Warning), ("error", Severity::Error)]),
            files: self.choice(raw.files.as_ref(), &[("warn", Severity::Warning), ("error", Severity::Error)]),
            limits: raw.limits.iter().map(|(name, limit)| (AttributeName::new(name), *limit)).collect(),
            ..CheckSettings::default()
        };
        if let Some(limit) = raw.max_length {
            checks.max_length = limit;
        }
        if let Some(username) = &raw.username {
            let rule = username.get_ref();
            checks.username.min = rule.min.unwrap_or(checks.username.min);
            checks.username.max = rule.max.unwrap_or(checks.username.max);
            if let Some(characters) = &rule.characters {
                let parsed = Characters::parse(characters)
                    .map_err(|part| format!("`{part}` is neither a character nor a range such as a-z"));
                if let Some(characters) = self.take(username.span(), parsed) {
                    checks.username.characters = characters;
                }
            }
            if checks.username.min > checks.username.max {
                self.fault(ConfigFault::at(username.span(), "`min` is larger than `max`"));
            }
        }
        checks
    }
}

fn is_attribute_then_username(names: &[String]) -> bool {
    matches!(names, [attribute, username] if attribute != USERNAME && username == USERNAME)
}

/// Returns by what the feed's rows find their entries.
pub(super) fn match_by(raw: &RawFeed) -> MatchBy {
    let first = raw.match_by.as_ref().and_then(|by| by.get_ref().names().first());
    match first.map(String::as_str) {
        None | Some(USERNAME) => MatchBy::Username,
        Some(name) => MatchBy::Attribute(AttributeName::new(name)),
    }
}

/// Returns whether entries without a value of the attribute are found by their username.
pub(super) fn then_by_username(raw: &RawFeed) -> bool {
    raw.match_by.as_ref().is_some_and(|by| by.get_ref().names().len() > 1)
}
