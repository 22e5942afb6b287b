//! The filters of templates: pure functions on text.

use std::borrow::Cow;

use minijinja::Environment;
use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::State;
use minijinja::Value;

use super::locale::Locale;

/// The names of all filters.
pub(super) const NAMES: &[&str] =
    &["ascii", "default", "initials", "lower", "replace", "slug", "title", "trim", "truncate", "upper"];

/// Adds every filter to `environment`, which must have been [`Environment::empty`].
pub(super) fn add_to(environment: &mut Environment<'_>, locale: Locale) {
    let spelled =
        move |text: &str| locale.ascii(text).map_err(|e| Error::new(ErrorKind::InvalidOperation, e.to_string()));
    environment.add_filter("ascii", move |text: Cow<'_, str>| spelled(&text));
    environment.add_filter("slug", move |text: Cow<'_, str>| spelled(&text).map(|ascii| slug(&ascii)));
    environment.add_filter("lower", |text: Cow<'_, str>| text.to_lowercase());
    environment.add_filter("upper", |text: Cow<'_, str>| text.to_uppercase());
    environment.add_filter("title", |text: Cow<'_, str>| title(&text));
    environment.add_filter("initials", |text: Cow<'_, str>| initials(&text));
    environment.add_filter("trim", |text: Cow<'_, str>, characters: Option<Cow<'_, str>>| match characters {
        Some(characters) => text.trim_matches(|c| characters.contains(c)).to_owned(),
        None => text.trim().to_owned(),
    });
    environment.add_filter("truncate", |text: Cow<'_, str>, n: usize, end: Option<Cow<'_, str>>| {
        truncate(&text, n, end.as_deref().unwrap_or("..."))
    });
    environment.add_filter("replace", replace);
    environment.add_filter("default", |value: &Value, other: &Value| {
        let is_empty = value.is_undefined() || value.is_none() || value.as_str().is_some_and(|t| t.trim().is_empty());
        if is_empty { other.clone() } else { value.clone() }
    });
}

/// Lower-case words of letters and digits, joined by `-`.
fn slug(ascii: &str) -> String {
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric() && c != '\'');
    let words = words.map(|word| word.replace('\'', "").to_ascii_lowercase()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Capitals at the start of every word, and after `-` and `'` inside names.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut starts = true;
    for c in text.chars() {
        if starts {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        starts = c.is_whitespace() || matches!(c, '-' | '\'' | '’');
    }
    out
}

fn initials(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c == '-').filter_map(|word| word.chars().next()).collect()
}

/// At most `n` characters, `end` included when something was cut off.
fn truncate(text: &str, n: usize, end: &str) -> String {
    if text.chars().nth(n).is_none() {
        return text.to_owned();
    }
    let n_end = end.chars().count();
    let kept: String = text.chars().take(n.saturating_sub(n_end)).collect();
    kept.chars().chain(end.chars()).take(n).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands its arguments over")]
fn replace(state: &State<'_, '_>, text: Cow<'_, str>, from: Cow<'_, str>, to: Cow<'_, str>) -> Result<String, Error> {
    if from.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "replace needs something to look for"));
    }
    // The result is paid for before it exists: 64 bytes a unit, as the engine counts.
    let grown = text.len() as u64 + (text.matches(&*from).count() as u64).saturating_mul(to.len() as u64);
    state.consume_fuel(grown / 64)?;
    Ok(text.replace(&*from, &to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> String {
        let mut environment = Environment::empty();
        add_to(&mut environment, Locale::named("de").expect("a language tag"));
        environment.set_fuel(Some(20_000));
        let context = Value::from_pairs([("name", "anna-maria o'NEILL"), ("empty", ""), ("umlaut", "Müller  & Söhne")]);
        environment.render_str(template, context).expect("a template in order")
    }

    #[test]
    fn every_filter_does_what_its_name_says() {
        assert_eq!(render("{{ umlaut|ascii }}"), "Mueller  & Soehne");
        assert_eq!(render("{{ umlaut|slug }}"), "mueller-soehne");
        assert_eq!(render("{{ name|slug }}"), "anna-maria-oneill");
        assert_eq!(render("{{ name|title }}"), "Anna-Maria O'Neill");
        assert_eq!(render("{{ name|initials|upper }}"), "AMO");
        assert_eq!(render("{{ umlaut|lower }}"), "müller  & söhne");
        assert_eq!(render("{{ '  x '|trim }}{{ '..x.'|trim('.') }}"), "xx");
        assert_eq!(render("{{ empty|default('none') }}{{ name|default('none')|truncate(4,'') }}"), "noneanna");
        assert_eq!(render("{{ name|replace('o', '0') }}"), "anna-maria 0'NEILL");
    }

    #[test]
    fn truncate_counts_characters_with_the_end() {
        assert_eq!(truncate("Müller", 1, ""), "M");
        assert_eq!(truncate("Müller", 6, "..."), "Müller");
        assert_eq!(truncate("Müller", 5, "..."), "Mü...");
        assert_eq!(truncate("Müller", 2, "..."), "..");
        assert_eq!(truncate("Müller", 0, ""), "");
    }

    #[test]
    fn replace_cannot_grow_without_bounds() {
        let mut environment = Environment::empty();
        add_to(&mut environment, Locale::default());
        environment.set_fuel(Some(1000));
        let long = "a".repeat(40_000);
        let context = Value::from_pairs([("a", long.as_str())]);
        let error = environment.render_str("{{ a|replace('a', a) }}", context).expect_err("1.6 GB");
        assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    }

    #[test]
    fn the_list_of_names_is_the_list_of_filters() {
        let mut environment = Environment::empty();
        add_to(&mut environment, Locale::default());
        for name in NAMES {
            let template = format!("{{{{ 'x'|{name} }}}}");
            if let Err(error) = environment.render_str(&template, ()) {
                assert_ne!(error.kind(), ErrorKind::UnknownFilter, "{name}");
            }
        }
        assert!(NAMES.is_sorted());
    }
}
