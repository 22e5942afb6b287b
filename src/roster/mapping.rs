//! From the cells of a row to the account that the feed wants.
//!
//! A [`Mapping`] is made once per feed from `[feed.map]`: rules proven, templates compiled. A [`Mapper`] binds it to the
//! header of one roster, so that no row is needed to find out that a column is missing. Then each row becomes a
//! [`Mapped`].

use std::ops::Range;
use std::sync::Arc;

use super::account::Action;
use super::account::Choices;
use super::account::MatchBy;
use super::attribute::AttributeName;
use super::attribute::Schema;
use super::checks::CheckSettings;
use super::columns::Known;
use super::columns::Wishes;
use super::reference::ReferenceKey;

pub mod dn;
pub mod locale;
pub mod mapper;
pub mod rule;

mod bind;
mod cell;
mod few;
mod filters;
mod late;
mod row;
mod scan;
mod template;

#[cfg(test)]
mod tests;

pub use super::diff::Policy;
pub use cell::flag;
pub use locale::Locale;
pub use mapper::Late;
pub use mapper::Mapped;
pub use mapper::Mapper;
pub use mapper::Rejected;
pub use rule::Encoding;
pub use rule::Means;
pub use rule::Rule;
pub use rule::Source;
pub use rule::Target;
pub use rule::default_rules;

use template::Templates;
use template::Wants;

/// What a feed says about the way from rows to accounts.
#[derive(Clone, Debug)]
pub struct MappingSettings {
    /// The feed's own rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// The rules of the target's kind, each of which holds unless the feed has one for the same target.
    pub defaults: Vec<Rule>,
    /// Header aliases: the header's name, and what the column is called from then on.
    pub aliases: Vec<(String, String)>,
    /// By what a row finds its entry.
    pub match_by: MatchBy,
    /// What happens when two people would get the same username.
    pub collision: Collision,
    /// The characters between two values in one cell.
    pub separators: String,
    /// What an empty cell means for an existing attribute.
    pub empty: EmptyCell,
    /// The language for `|ascii` in templates.
    pub locale: Locale,
    /// What may be done, and what is to be done, when the row says nothing.
    pub choices: Choices,
    /// Whether a row's action may be `disable`.
    pub allow_disable: bool,
    /// Whether a row's action may be `delete`.
    pub allow_delete: bool,
    /// What must hold for an account.
    pub checks: CheckSettings,
}

impl Default for MappingSettings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            defaults: default_rules(),
            aliases: Vec::new(),
            match_by: MatchBy::Username,
            collision: Collision::Error,
            separators: "|;".to_owned(),
            empty: EmptyCell::Keep,
            locale: Locale::default(),
            choices: Choices {
                add: true,
                update: true,
                sync_groups: false,
                sync_roles: false,
                subscribe: false,
                action: Action::Auto,
            },
            allow_disable: true,
            allow_delete: false,
            checks: CheckSettings::default(),
        }
    }
}

/// What happens when two people would get the same username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Collision {
    /// The rows are Errors.
    #[default]
    Error,
    /// New people get `name2`, `name3`...; see [`super::collision`]. Rows must then find their entries by something
    /// else than the username.
    Counter,
}

/// What an empty cell does to an existing attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EmptyCell {
    /// Nothing.
    #[default]
    Keep,
    /// It empties the attribute.
    Clear,
}

/// A mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct MappingFault {
    /// The key in the feed's table, such as `map.cn` or `match`.
    pub key: String,
    /// The bytes of the template's text that are to blame.
    pub at: Option<Range<usize>>,
    /// One sentence.
    pub message: String,
}

/// The proven rules of a feed with their templates compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mapping {
    inner: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    settings: MappingSettings,
    rules: Vec<CompiledRule>,
    templates: Templates,
    wishes: Wishes,
    schema: Schema,
}

#[derive(Clone, Debug)]
struct CompiledRule {
    rule: Rule,
    /// From the target's kind: it holds only as far as the roster has the columns.
    is_default: bool,
    /// What the template asks for.
    wants: Option<Wants>,
}

impl Mapping {
    /// Proves the settings and compiles every template; all mistakes at once.
    pub fn new(mut settings: MappingSettings) -> Result<Self, Vec<MappingFault>> {
        let mut faults = Vec::new();
        settings.checks.octets = octets(&settings.rules);
        let mut wishes = wishes(&settings);
        let mut templates = Templates::new(settings.locale);
        let mut rules: Vec<CompiledRule> = Vec::new();
        for rule in &settings.rules {
            if rules.iter().any(|other| other.rule.target == rule.target) {
                faults.push(fault(&rule.target, "the same target is mapped twice"));
                continue;
            }
            faults.extend(flaws(rule, &wishes).into_iter().map(|message| fault(&rule.target, message)));
            let mut wants = None;
            if let Source::Template(source) = &rule.source {
                match templates.add(rule.target.key(), source) {
                    Ok(w) => wants = Some(w),
                    Err(flaw) => faults.push(MappingFault { at: flaw.at, ..fault(&rule.target, flaw.message) }),
                }
            }
            for name in wants.iter().flat_map(|w| w.variables.iter().chain(&w.headers)) {
                wishes.used.insert(name.clone());
                if wishes.is_secret(name) {
                    faults.push(fault(&rule.target, format!("`{name}` is a password, which templates never see")));
                }
            }
            rules.push(CompiledRule { rule: rule.clone(), is_default: false, wants });
        }
        for rule in &settings.defaults {
            if !rules.iter().any(|other| other.rule.target == rule.target) {
                rules.push(CompiledRule { rule: rule.clone(), is_default: true, wants: None });
            }
        }
        faults.extend(matching_faults(&settings, &rules));
        faults.extend(meaning_faults(&settings, &rules));
        if !faults.is_empty() {
            return Err(faults);
        }
        let attributes = rules.iter().filter_map(|r| match &r.rule.target {
            Target::Attribute(name) => Some(name.clone()),
            _ => None,
        });
        let schema = Schema::new(attributes);
        Ok(Self { inner: Arc::new(Compiled { rules, templates, wishes, schema, settings }) })
    }

    /// Returns the attributes that accounts of this feed can have, whatever columns a roster has.
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// Returns how the attribute `name` is written to existing accounts.
    pub fn policy(&self, name: &AttributeName) -> Policy {
        let of_name = |r: &&CompiledRule| matches!(&r.rule.target, Target::Attribute(n) if n == name);
        self.inner.rules.iter().find(of_name).map_or(Policy::Force, |r| r.rule.policy)
    }

    /// Returns the settings that it was made from.
    pub fn settings(&self) -> &MappingSettings {
        &self.inner.settings
    }
}

fn fault(target: &Target, message: impl Into<String>) -> MappingFault {
    MappingFault { key: format!("map.{target}"), at: None, message: message.into() }
}

/// What the feed's rules say about columns.
fn wishes(settings: &MappingSettings) -> Wishes {
    let mut wishes = Wishes { aliases: settings.aliases.clone(), ..Wishes::default() };
    for rule in &settings.rules {
        match &rule.source {
            Source::Column(name) => match known_of(&rule.target, &settings.defaults) {
                Some(known) => wishes.assigned.push((known, name.clone())),
                None => {
                    wishes.claimed.insert(name.clone());
                }
            },
            Source::Template(_) | Source::FullName | Source::SurnameOrFirst => {}
        }
    }
    wishes
}

/// Returns what a column means that is mapped to `target`: the known column that the default rule would take.
fn known_of(target: &Target, defaults: &[Rule]) -> Option<Known> {
    match target {
        Target::Username => Some(Known::Username),
        Target::Password => Some(Known::Password),
        Target::Groups => Some(Known::Groups),
        Target::Roles => Some(Known::Roles),
        Target::Dn => None,
        Target::Attribute(_) => match &defaults.iter().find(|rule| rule.target == *target)?.source {
            Source::Column(name) => Known::named(name),
            Source::SurnameOrFirst => Some(Known::Surname),
            Source::FullName | Source::Template(_) => None,
        },
    }
}

/// Returns what is wrong with a rule by itself.
fn flaws(rule: &Rule, wishes: &Wishes) -> Vec<&'static str> {
    let mut flaws = Vec::new();
    let is_list = rule.multi || rule.separators.is_some();
    match (&rule.target, &rule.source) {
        (Target::Password, Source::Column(_)) => {}
        (Target::Password, _) => flaws.push("a password comes from a column; templates never see one"),
        (Target::Dn, Source::Template(_)) => {}
        (Target::Dn, _) => flaws.push("a DN needs a template, in which every value is escaped"),
        (_, Source::Column(name)) if wishes.is_secret(name) => {
            flaws.push("the column is the password, which goes nowhere else");
        }
        _ => {}
    }
    if matches!(rule.target, Target::Username | Target::Dn | Target::Password) && is_list {
        flaws.push("it has one value: neither `multi` nor `separator` fits");
    }
    if !matches!(rule.target, Target::Attribute(_)) && rule.policy != Policy::Force {
        flaws.push("a policy is for attributes only");
    }
    if matches!(rule.target, Target::Username | Target::Dn | Target::Password) && rule.default.is_some() {
        flaws.push("a default would be the same for everybody");
    }
    if rule.separators.as_ref().is_some_and(|s| s.is_empty() || s.chars().any(char::is_alphanumeric)) {
        flaws.push("a separator is a sign such as `|`, neither a letter nor a digit");
    }
    flaws
}

fn matching_faults(settings: &MappingSettings, rules: &[CompiledRule]) -> Vec<MappingFault> {
    let mut faults = Vec::new();
    let counter = settings.collision == Collision::Counter;
    let mut push = |message: String| faults.push(MappingFault { key: "match".to_owned(), at: None, message });
    match &settings.match_by {
        MatchBy::Username if counter => {
            push(
                "with `collision = \"counter\"` rows must find their entries by another attribute than the username"
                    .to_owned(),
            );
        }
        MatchBy::Username => {}
        MatchBy::Attribute(name) => {
            match rules.iter().find(|r| matches!(&r.rule.target, Target::Attribute(n) if n == name)) {
                None => push(format!("nothing in [feed.map] fills `{name}`")),
                Some(r) if r.rule.multi || r.rule.separators.is_some() => {
                    push(format!("`{name}` has several values, so it cannot say who a person is"));
                }
                Some(r) if r.rule.default.is_some() => {
                    push(format!("`{name}` has a default, which would be the same for several people"));
                }
                Some(r) if counter && r.uses_username() => {
                    push(format!("`{name}` changes with the username, which a counter may change"));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

/// Returns the attributes whose values are no text.
fn octets(rules: &[Rule]) -> Vec<AttributeName> {
    let of = |rule: &Rule| match (&rule.target, &rule.means) {
        (Target::Attribute(name), Means::Octets(_)) => Some(name.clone()),
        _ => None,
    };
    rules.iter().filter_map(of).collect()
}

/// Returns what is wrong with rules whose text stands for something else.
fn meaning_faults(settings: &MappingSettings, rules: &[CompiledRule]) -> Vec<MappingFault> {
    let of = |name: &AttributeName| {
        rules.iter().find(|r| matches!(&r.rule.target, Target::Attribute(target) if target == name))
    };
    let mut faults = Vec::new();
    for compiled in rules.iter().filter(|compiled| compiled.rule.means != Means::Text) {
        let target = &compiled.rule.target;
        let Target::Attribute(name) = target else {
            faults.push(fault(target, "only attributes have a `reference`, a `file` or an `encoding`"));
            continue;
        };
        if compiled.uses_username() {
            faults.push(fault(
                target,
                "a `reference`, a `file` or an `encoding` cannot depend on the person's own username",
            ));
        }
        if settings.match_by == MatchBy::Attribute(name.clone()) {
            faults.push(fault(target, "rows find their entries by it, so its text is what it says"));
        }
        if settings.checks.unique.contains(name) {
            let message = format!("the values of `{name}` are no text that could be compared");
            faults.push(MappingFault { key: "checks.unique".to_owned(), at: None, message });
        }
        let Means::Person(ReferenceKey::Attribute(key)) = &compiled.rule.means else { continue };
        match of(key) {
            None => faults.push(fault(target, format!("nothing in [feed.map] fills `{key}`"))),
            Some(other) if other.rule.means != Means::Text => {
                faults.push(fault(target, format!("`{key}` refers to other people itself")));
            }
            Some(_) => {}
        }
    }
    faults
}

impl CompiledRule {
    /// Whether the value depends on the login name that the account gets in the end.
    fn uses_username(&self) -> bool {
        self.rule.target != Target::Username
            && self.wants.as_ref().is_some_and(|w| w.variables.iter().any(|v| is_username(v)))
    }
}

fn is_username(variable: &str) -> bool {
    super::columns::normalized(variable) == "username"
}
