//! Whether the service will store what the feeds map.

use super::super::Scim;
use super::super::flat;
use super::super::path::AttributePath;
use super::super::service::AttributeRule;
use super::super::service::Mutability;
use super::super::service::NotStored;
use super::super::service::Returned;
use super::super::service::Service;
use super::super::service::ValueKind;
use super::super::wire::urn;
use super::finding;
use super::known;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::MappedAttribute;
use crate::roster::attribute::AttributeName;

impl Scim {
    /// Says of each attribute that feeds map whether the service will store it.
    pub async fn check_attributes(&self, attributes: &[AttributeName]) -> Vec<Finding> {
        match known(self, "attributes").await {
            Ok(provider) => attributes.iter().map(|name| stored(name, &provider.service)).collect(),
            Err(findings) => findings,
        }
    }

    /// Proves that what one feed maps fits the schema; only what does not fit makes a finding. `creates` says whether
    /// it makes new accounts.
    pub async fn check_mapping(&self, attributes: &[MappedAttribute], creates: bool) -> Vec<Finding> {
        match known(self, "mapping").await {
            Ok(provider) => misfits(attributes, creates, &provider.service),
            Err(findings) => findings,
        }
    }
}

/// Returns the definition of what a path leads to.
fn rule_of<'s>(path: &AttributePath, service: &'s Service) -> Option<&'s AttributeRule> {
    let urn = path.urn().map_or(urn::USER, |urn| urn.as_str());
    service.schema.rule(urn, path.attribute(), path.sub())
}

fn stored(name: &AttributeName, service: &Service) -> Finding {
    let subject = format!("attribute {name}");
    let path = match AttributePath::of(name) {
        Ok(path) => path,
        Err(fault) => {
            let hint = "map it to a name that the service knows, such as name.givenName".to_owned();
            return finding(subject, Verdict::Bad(fault.to_string(), hint));
        }
    };
    let shown = path.to_string();
    let verdict = match flat::not_stored(&path, service) {
        Some(why) => {
            let why = match why {
                NotStored::Unknown => "the service's schema does not have it",
                NotStored::ReadOnly => "only the service writes it",
                NotStored::NoExtension => "the service does not offer the extension that has it",
                NotStored::Preset => "the preset says so",
            };
            Verdict::Warning(format!("`{shown}` is not sent, since it would not be stored: {why}"))
        }
        None if rule_of(&path, service).is_some_and(|rule| rule.mutability == Mutability::Immutable) => {
            Verdict::Warning(format!("`{shown}` can be set for new accounts, and never changed"))
        }
        None if rule_of(&path, service).is_some_and(|rule| rule.returned == Returned::Never) => {
            Verdict::Warning(format!("`{shown}` is never shown by the service, so every import writes it again"))
        }
        None if service.schema.is_of_service() => Verdict::Good(format!("stored as `{shown}`")),
        None => Verdict::Good(format!("tried as `{shown}`; the service does not say what it stores")),
    };
    finding(subject, verdict)
}

fn misfits(attributes: &[MappedAttribute], creates: bool, service: &Service) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mapped: Vec<AttributePath> =
        attributes.iter().filter_map(|attribute| AttributePath::of(&attribute.name).ok()).collect();
    for MappedAttribute { name, multi, refers } in attributes {
        let Ok(path) = AttributePath::of(name) else { continue };
        let subject = format!("attribute {name}");
        let whole = rule_of(&path.whole(), service);
        // With a filter it is one element of the list, and a list without one takes all values.
        let is_single = whole.is_some_and(|rule| !rule.multi) || path.filter().is_some();
        if *multi && (is_single || service.preset.one_value) {
            let hint = "take `multi` out of its rule in [feed.map], or map another attribute".to_owned();
            let text = "several values are mapped, and the service takes one".to_owned();
            findings.push(finding(subject.clone(), Verdict::Bad(text, hint)));
        }
        let takes_ids = |rule: &AttributeRule| matches!(rule.kind, ValueKind::String | ValueKind::Reference);
        if *refers && rule_of(&path, service).is_some_and(|rule| !takes_ids(rule)) {
            let hint = "map a reference to an attribute for ids, such as `manager`".to_owned();
            let text = "it is mapped as a reference, and its values are no ids".to_owned();
            findings.push(finding(subject, Verdict::Bad(text, hint)));
        }
    }
    if creates {
        findings.extend(missing(&mapped, service));
    }
    findings
}

/// What new accounts must have and no rule maps: by the schema of the service, and by the preset.
fn missing(mapped: &[AttributePath], service: &Service) -> Vec<Finding> {
    let is_mapped = |name: &str, sub: Option<&str>| {
        mapped.iter().any(|path| {
            let has_part = |sub: &str| path.sub().is_none_or(|own| own.eq_ignore_ascii_case(sub));
            path.urn().is_none() && path.attribute().eq_ignore_ascii_case(name) && sub.is_none_or(has_part)
        })
    };
    let mut required: Vec<String> = Vec::new();
    let core: Vec<&AttributeRule> =
        service.schema.of(urn::USER).filter(|rule| rule.required && rule.mutability != Mutability::ReadOnly).collect();
    for rule in core {
        let whole = service.schema.rule(urn::USER, &rule.name, None);
        let matters = match &rule.sub {
            None => true,
            // A part is needed only where there is a whole; of a list, each element has its own.
            Some(_) => {
                whole.is_some_and(|whole| !whole.multi)
                    && (whole.is_some_and(|w| w.required) || is_mapped(&rule.name, None))
            }
        };
        if matters && !is_mapped(&rule.name, rule.sub.as_deref()) {
            required.push(rule.sub.as_ref().map_or(rule.name.clone(), |sub| format!("{}.{sub}", rule.name)));
        }
    }
    for name in service.preset.required {
        let (whole, sub) = name.split_once('.').map_or((*name, None), |(whole, sub)| (whole, Some(sub)));
        if !is_mapped(whole, sub) && !required.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            required.push((*name).to_owned());
        }
    }
    // These come from elsewhere than the mapping, or are made of it (`flat::resource_of`).
    const MADE: [&str; 6] = ["userName", "active", "password", "schemas", "displayName", "name.formatted"];
    required.retain(|name| !MADE.iter().any(|own| own.eq_ignore_ascii_case(name)));
    let told = |name: String| {
        let hint = format!("map `{name}` in [feed.map]");
        let text = "new accounts must have it, and nothing maps it".to_owned();
        finding(format!("attribute {name}"), Verdict::Bad(text, hint))
    };
    required.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::super::super::service::Absent;
    use super::super::super::service::Documents;
    use super::super::super::transport::Auth;
    use super::super::super::url::BaseUrl;
    use super::*;
    use crate::directory::scim::Preset;
    use crate::directory::scim::ScimSettings;

    fn service(attributes: Value, preset: Option<&str>) -> Service {
        let base = BaseUrl::parse("https://scim.example.org").expect("a base");
        let mut settings = ScimSettings::new(base, Auth::None);
        settings.preset = preset.map(|name| Preset::named(name).expect("a preset"));
        let absent = || Err(Absent::Answer("HTTP 404".to_owned()));
        let types = json!([{"name": "User", "schema": urn::USER, "endpoint": "/Users"}]);
        let schemas = match attributes {
            Value::Null => absent(),
            attributes => Ok(json!([{"id": urn::USER, "attributes": attributes}])),
        };
        Service::of(&settings, Documents { config: absent(), types: Ok(types), schemas })
    }

    fn verdict(name: &str, service: &Service) -> Verdict {
        stored(&AttributeName::new(name), service).verdict
    }

    fn mapped(name: &str, multi: bool) -> MappedAttribute {
        MappedAttribute { name: AttributeName::new(name), multi, refers: false }
    }

    #[test]
    fn what_would_not_be_stored_is_said_with_its_reason() {
        let service = service(
            json!([
                {"name": "userName"},
                {"name": "title", "mutability": "readOnly"},
                {"name": "nickName", "mutability": "immutable"},
                {"name": "userType", "returned": "never"},
                {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName"}]},
            ]),
            None,
        );
        assert_eq!(verdict("givenName", &service), Verdict::Good("stored as `name.givenName`".to_owned()));
        let warned = |name: &str, part: &str| {
            let Verdict::Warning(text) = verdict(name, &service) else { panic!("{name}") };
            assert!(text.contains(part), "{text}");
        };
        warned("sn", "schema does not have it");
        warned("title", "only the service writes it");
        warned("nickName", "never changed");
        warned("employeeType", "every import writes it again");
        warned("departmentNumber", "does not offer the extension");
        assert!(matches!(verdict("no name", &service), Verdict::Bad(..)));
    }

    #[test]
    fn a_service_without_schemas_is_tried() {
        let Verdict::Good(text) = verdict("sn", &service(Value::Null, None)) else { panic!("good") };
        assert!(text.starts_with("tried as `name.familyName`"), "{text}");
    }

    #[test]
    fn several_values_need_an_attribute_for_several() {
        let service = service(Value::Null, None);
        let subjects = |attributes: &[MappedAttribute]| -> Vec<String> {
            misfits(attributes, false, &service).into_iter().map(|finding| finding.subject).collect()
        };
        let several = [mapped("title", true), mapped("emails", true), mapped("mail", true), mapped("sn", false)];
        // `mail` is the one address of type work.
        assert_eq!(subjects(&several), ["attribute title", "attribute mail"]);
    }

    #[test]
    fn what_new_accounts_must_have_is_mapped() {
        let strict = service(
            json!([
                {"name": "userName", "required": true},
                {"name": "displayName", "required": true},
                {"name": "title", "required": true},
                {"name": "active", "required": true},
                {"name": "id", "required": true, "mutability": "readOnly"},
                {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName"}, {"name": "familyName", "required": true}]},
                {"name": "emails", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value", "required": true}]},
            ]),
            None,
        );
        let subjects = |attributes: &[MappedAttribute], creates: bool, service: &Service| -> Vec<String> {
            misfits(attributes, creates, service).into_iter().map(|finding| finding.subject).collect()
        };
        assert_eq!(subjects(&[], true, &strict), ["attribute title"]);
        assert_eq!(
            subjects(&[mapped("givenName", false)], true, &strict),
            ["attribute title", "attribute name.familyName"]
        );
        let all = [mapped("title", false), mapped("sn", false), mapped("givenName", false)];
        assert_eq!(subjects(&all, true, &strict), [""; 0]);
        assert_eq!(subjects(&[], false, &strict), [""; 0]);
        let aws = service(Value::Null, Some("aws"));
        let expected = ["attribute name.givenName", "attribute name.familyName"];
        assert_eq!(subjects(&[], true, &aws), expected);
    }
}
