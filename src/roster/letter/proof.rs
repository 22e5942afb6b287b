//! Proves a letter's templates before anybody's password depends on them.

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::ErrorKind;
use minijinja::UndefinedBehavior;
use minijinja::syntax::SyntaxConfig;

use super::FIELDS;
use super::FUEL;
use super::LetterFields;
use super::LetterPart;
use super::LetterTemplate;
use super::TemplateFault;
use super::TemplateFaultKind;
use super::breaks_lines;
use crate::roster::secret::Secret;

/// A password that no template has by chance.
const SAMPLE_PASSWORD: &str = "pQ7rosterdSample4Xw";

/// Compiles the templates; unknown names are faults.
pub(super) fn environment(
    subject: &str,
    text: &str,
    html: Option<&str>,
) -> Result<Environment<'static>, TemplateFault> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name {
        "html" => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_fuel(Some(FUEL));
    // With debugging on, errors carry the values of all variables.
    environment.set_debug(false);
    environment.remove_global("debug");
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the default ones"));
    let parts = [(LetterPart::Subject, Some(subject)), (LetterPart::Text, Some(text)), (LetterPart::Html, html)];
    for (part, source) in parts {
        let Some(source) = source else { continue };
        environment.add_template_owned(part.word(), source.to_owned()).map_err(|error| jinja_fault(part, &error))?;
        let template = environment.get_template(part.word()).expect("it was just added");
        let mut unknown: Vec<String> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !FIELDS.contains(&&**name) && environment.globals().all(|(global, _)| global != name))
            .collect();
        unknown.sort_unstable();
        if let Some(name) = unknown.into_iter().next() {
            let line = source.lines().position(|line| line.contains(&name)).map(|n| n + 1);
            return Err(TemplateFault { part, line, kind: TemplateFaultKind::UnknownField(name) });
        }
    }
    Ok(environment)
}

/// Fills the letter in for people of every kind and looks at what comes out.
pub(super) fn prove(template: &LetterTemplate) -> Result<(), TemplateFault> {
    let url = &template.login_url;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !url.is_empty() && (!is_web || url.contains(|c: char| c.is_whitespace() || breaks_lines(c))) {
        return Err(fault(LetterPart::Text, TemplateFaultKind::LoginUrl));
    }
    let password = Secret::from(SAMPLE_PASSWORD);
    for (created, must_change, first, surname) in [
        (true, true, "Ada", "Byron"),
        (true, false, "Ada", "Byron"),
        (false, true, "Ada", "Byron"),
        (false, false, "Ada", "Byron"),
        (true, true, "", "Byron"),
        (true, true, "Ada", ""),
        (false, true, "", ""),
    ] {
        let fields = LetterFields {
            username: "abyron",
            password: &password,
            first,
            surname,
            email: "ada@example.org",
            must_change,
            created,
        };
        let subject = fill(template, LetterPart::Subject, &fields)?;
        if subject.contains(SAMPLE_PASSWORD) {
            return Err(fault(LetterPart::Subject, TemplateFaultKind::PasswordInSubject));
        }
        if subject.trim().is_empty() || subject.trim().contains(breaks_lines) {
            return Err(fault(LetterPart::Subject, TemplateFaultKind::SubjectNotOneLine));
        }
        for part in bodies(template) {
            if !fill(template, part, &fields)?.contains(SAMPLE_PASSWORD) {
                return Err(fault(part, TemplateFaultKind::NoPassword(case(&fields))));
            }
        }
    }
    prove_escaped(template)
}

/// Fills the HTML in with markup and with harmless text: both must have the same number of tags.
fn prove_escaped(template: &LetterTemplate) -> Result<(), TemplateFault> {
    if !template.has_html {
        return Ok(());
    }
    let tags = |value: &str| {
        let password = Secret::from(value);
        let mut n = 0;
        for (created, must_change) in [(true, true), (true, false), (false, true), (false, false)] {
            let fields = LetterFields {
                username: value,
                password: &password,
                first: value,
                surname: value,
                email: value,
                must_change,
                created,
            };
            n += fill(template, LetterPart::Html, &fields)?.matches('<').count();
        }
        Ok(n)
    };
    if tags("<i>x</i>")? == tags("(i)x(/i)")? {
        Ok(())
    } else {
        Err(fault(LetterPart::Html, TemplateFaultKind::NotEscaped))
    }
}

fn bodies(template: &LetterTemplate) -> impl Iterator<Item = LetterPart> {
    [LetterPart::Text, LetterPart::Html].into_iter().filter(|part| *part == LetterPart::Text || template.has_html)
}

fn case(fields: &LetterFields<'_>) -> String {
    let LetterFields { created, must_change, first, surname, .. } = fields;
    let names = match (first.is_empty(), surname.is_empty()) {
        (false, false) => "",
        (true, true) => ", and there are no names",
        (true, false) => ", and there is no first name",
        (false, true) => ", and there is no surname",
    };
    format!("`created` is {created} and `must_change` is {must_change}{names}")
}

fn fill(template: &LetterTemplate, part: LetterPart, fields: &LetterFields<'_>) -> Result<String, TemplateFault> {
    template.fill(part, fields).map_err(|error| jinja_fault(part, &error))
}

/// Says what the engine says, in full: all values are samples.
fn jinja_fault(part: LetterPart, error: &minijinja::Error) -> TemplateFault {
    let reason = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it does not come to an end".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    TemplateFault { part, line: error.line(), kind: TemplateFaultKind::Jinja(reason) }
}

fn fault(part: LetterPart, kind: TemplateFaultKind) -> TemplateFault {
    TemplateFault { part, line: None, kind }
}
