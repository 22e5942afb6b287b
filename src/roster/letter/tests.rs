use proptest::prelude::*;

use super::*;

fn built_in() -> LetterTemplate {
    let sources =
        LetterSources { login_url: Some("https://intranet.example.org/login".to_owned()), ..Default::default() };
    LetterTemplate::compile(&sources).expect("the built-in letter is sound")
}

fn compile(subject: Option<&str>, text: Option<&str>, html: Option<&str>) -> Result<LetterTemplate, TemplateFault> {
    LetterTemplate::compile(&LetterSources {
        subject: subject.map(str::to_owned),
        text: text.map(str::to_owned),
        html: html.map(str::to_owned),
        login_url: None,
    })
}

fn refused(subject: Option<&str>, text: Option<&str>, html: Option<&str>) -> String {
    compile(subject, text, html).expect_err("the template is refused").to_string()
}

fn ada(password: &Secret) -> LetterFields<'_> {
    LetterFields {
        username: "abyron",
        password,
        first: "Ada",
        surname: "Byron",
        email: "ada@example.org",
        must_change: true,
        created: true,
    }
}

#[test]
fn built_in_text_for_a_new_account() {
    let password = Secret::from("Hk7+tmV=w3x.Pq:9fNzC");
    let letter = built_in().render(&ada(&password)).expect("rendered");
    assert_eq!((letter.to(), letter.name(), letter.subject()), ("ada@example.org", "Ada Byron", "Your new account"));
    insta::assert_snapshot!(letter.text().expose(), @r"
    Hello Ada Byron,

    an account has been set up for you. You can sign in with:

        User name:  abyron
        Password:   Hk7+tmV=w3x.Pq:9fNzC

    Sign in here:

        https://intranet.example.org/login

    When you first sign in, you will be asked to choose a password of your own.

    Keep the password to yourself: nobody has a reason to ask you for it. If you
    did not expect this letter, please tell your help desk, and do not pass it on.
    ");
}

#[test]
fn built_in_text_for_a_new_password_without_names_and_login_page() {
    let password = Secret::from("Hk7+tmV=w3x.Pq:9fNzC");
    let template = compile(None, None, None).expect("sound");
    let fields = LetterFields { first: "", surname: "", must_change: false, created: false, ..ada(&password) };
    let letter = template.render(&fields).expect("rendered");
    assert_eq!((letter.name(), letter.subject()), ("", "Your new password"));
    insta::assert_snapshot!(letter.text().expose(), @r"
    Hello,

    your password has been replaced. You can now sign in with:

        User name:  abyron
        Password:   Hk7+tmV=w3x.Pq:9fNzC

    Please choose a password of your own soon after you have signed in.

    Keep the password to yourself: nobody has a reason to ask you for it. If you
    did not expect this letter, please tell your help desk, and do not pass it on.
    ");
}

#[test]
fn built_in_html_escapes_and_loads_nothing() {
    let password = Secret::from("a<b>&\"c'");
    let fields = LetterFields { first: "<script>alert(1)</script>", surname: "O'Neil & Co", ..ada(&password) };
    let letter = built_in().render(&fields).expect("rendered");
    let html = letter.html().expect("has HTML").expose();
    for remote in ["src=", "url(", "@import", "<link", "<img", "<script"] {
        assert!(!html.contains(remote), "{remote}");
    }
    insta::assert_snapshot!(html, @r#"
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Your new account</title>
    </head>
    <body style="margin:0;padding:24px;background:#ffffff;color:#1c1c1c;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5">
    <div style="max-width:560px;margin:0 auto">
    <p>Hello &lt;script&gt;alert(1)&lt;&#x2f;script&gt; O&#x27;Neil &amp; Co,</p>
    <p>an account has been set up for you. You can sign in with:</p>
    <p style="margin-bottom:4px">User name</p>
    <pre style="margin:0;padding:12px;background:#f2f2f2;border:1px solid #d0d0d0;font-family:Consolas,Menlo,monospace;font-size:16px;white-space:pre-wrap;word-break:break-all">abyron</pre>
    <p style="margin-bottom:4px">Password</p>
    <pre style="margin:0;padding:12px;background:#f2f2f2;border:1px solid #d0d0d0;font-family:Consolas,Menlo,monospace;font-size:16px;white-space:pre-wrap;word-break:break-all">a&lt;b&gt;&amp;&quot;c&#x27;</pre>
    <p>Sign in here: <a href="https:&#x2f;&#x2f;intranet.example.org&#x2f;login">https:&#x2f;&#x2f;intranet.example.org&#x2f;login</a></p>
    <p>When you first sign in, you will be asked to choose a password of your own.</p>
    <p style="color:#5a5a5a;font-size:14px">Keep the password to yourself: nobody has a reason to ask you for it. If you did not expect this letter, please tell your help desk, and do not pass it on.</p>
    </div>
    </body>
    </html>
    "#);
}

#[test]
fn unknown_names_are_refused_with_their_line() {
    let known = "the fields are username, password, first, surname, email, must_change, login_url, created";
    let not_a_field = |place: &str, name: &str| format!("{place}: `{name}` is not a field of letters; {known}");
    assert_eq!(refused(None, Some("Hi\n{{ pasword }}"), None), not_a_field("text, line 2", "pasword"));
    assert_eq!(refused(Some("For {{ usr }}"), None, None), not_a_field("subject, line 1", "usr"));
    // The engine's own dump of all variables.
    assert_eq!(refused(None, Some("{{ password }}{{ debug() }}"), None), not_a_field("text, line 1", "debug"));
}

#[test]
fn broken_templates_are_refused_with_their_line() {
    let refused = |text| refused(None, Some(text), None);
    assert_eq!(
        refused("Hi\n\n{% if created %}{{ password }}"),
        "text, line 3: unexpected end of input, expected end of block"
    );
    assert_eq!(refused("{{ password }}\n{{ first|shout }}"), "text, line 2: filter shout is unknown");
    // Fails for people without a first name only.
    assert_eq!(refused("{{ password }}{{ first[0] }}"), "text, line 1: undefined value");
    let endless = "{{ password }}{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert_eq!(refused(endless), "text, line 1: it does not come to an end");
}

#[test]
fn a_letter_shows_the_password_in_every_case() {
    for (text, html, part, case) in [
        ("Welcome {{ username }}", None, "text", "`created` is true and `must_change` is true"),
        ("{{ password|upper }}", None, "text", "`created` is true and `must_change` is true"),
        ("{% if created %}{{ password }}{% endif %}", None, "text", "`created` is false and `must_change` is true"),
        (
            "{% if first %}{{ password }}{% endif %}",
            None,
            "text",
            "`created` is true and `must_change` is true, and there is no first name",
        ),
        ("{{ password }}", Some("<p>see the text</p>"), "html", "`created` is true and `must_change` is true"),
    ] {
        let wanted = format!("{part}: the password is not shown when {case}");
        assert_eq!(refused(None, Some(text), html), wanted, "{text}");
    }
}

#[test]
fn subjects_are_one_line_without_the_password() {
    let refused = |subject| compile(Some(subject), None, None).expect_err("the subject is refused").kind;
    assert_eq!(refused("{{ password }}"), TemplateFaultKind::PasswordInSubject);
    assert_eq!(refused("Hello\r\nBcc: eve@example.org"), TemplateFaultKind::SubjectNotOneLine);
    assert_eq!(refused("{% if created %}Hello{% endif %}"), TemplateFaultKind::SubjectNotOneLine);
    let template = compile(Some("Welcome, {{ first }}\n"), None, None).expect("a final line break is dropped");
    let letter = template.render(&ada(&Secret::from("x"))).expect("rendered");
    assert_eq!(letter.subject(), "Welcome, Ada");
}

#[test]
fn html_is_escaped_and_has_a_text_beside_it() {
    let text = "{{ password }}";
    let refused = |text, html| compile(None, text, Some(html)).expect_err("the HTML is refused").kind;
    assert_eq!(refused(Some(text), "<p>{{ first|safe }}{{ password }}</p>"), TemplateFaultKind::NotEscaped);
    let raw = "{% autoescape false %}<p>{{ surname }}</p>{% endautoescape %}{{ password }}";
    assert_eq!(refused(Some(text), raw), TemplateFaultKind::NotEscaped);
    assert_eq!(refused(None, "<p>{{ password }}</p>"), TemplateFaultKind::HtmlWithoutText);
    let letter = compile(None, Some(text), None).expect("sound").render(&ada(&Secret::from("x"))).expect("rendered");
    assert!(letter.html().is_none(), "a text of one's own never comes with the built-in HTML");
}

#[test]
fn login_urls_lead_to_the_web() {
    for (url, good) in [
        ("https://intranet.example.org", true),
        ("http://intranet", true),
        ("javascript:alert(1)", false),
        ("https://intranet\r\nBcc: eve@example.org", false),
        ("intranet.example.org", false),
    ] {
        let sources = LetterSources { login_url: Some(url.to_owned()), ..Default::default() };
        assert_eq!(LetterTemplate::compile(&sources).is_ok(), good, "{url}");
    }
}

#[test]
fn line_breaks_in_fields_are_refused() {
    let template = built_in();
    let password = Secret::from("x");
    let broken = Secret::from("x\ny");
    let evil = "Ada\r\nBcc: eve@example.org";
    for (fields, why) in [
        (LetterFields { first: evil, ..ada(&password) }, LetterError::Control("the first name")),
        (LetterFields { surname: "By\u{2028}ron", ..ada(&password) }, LetterError::Control("the surname")),
        (LetterFields { username: "a\0b", ..ada(&password) }, LetterError::Control("the username")),
        (ada(&broken), LetterError::Control("the password")),
        (LetterFields { email: "ada@example.org, eve@example.org", ..ada(&password) }, AddressFault::NotOneAt.into()),
        (LetterFields { email: "", ..ada(&password) }, AddressFault::Empty.into()),
    ] {
        assert_eq!(template.render(&fields).err(), Some(why));
    }
}

#[test]
fn debug_shows_nothing_of_a_letter() {
    let password = Secret::from("Hk7+tmV=w3x.Pq:9fNzC");
    let fields = ada(&password);
    let letter = built_in().render(&fields).expect("rendered");
    assert_eq!(format!("{letter:?}"), "Letter { .. }");
    assert!(!format!("{fields:?} {:?}", built_in()).contains("Hk7"));
}

proptest! {
    #[test]
    fn nothing_in_a_row_adds_tags_or_header_lines(
        first in "\\PC{0,12}|[<>&\"'/{}%\r\n ]{0,12}",
        surname in "\\PC{0,12}",
        username in "[!-~]{1,12}",
        password in "[ -~]{15,30}",
    ) {
        let template = built_in();
        let tags = |letter: &Letter| letter.html().map(|html| html.expose().matches('<').count());
        let plain = template.render(&ada(&Secret::from("x"))).expect("rendered");
        let secret = Secret::new(password.clone());
        let fields = LetterFields { first: &first, surname: &surname, username: &username, ..ada(&secret) };
        let Ok(letter) = template.render(&fields) else {
            prop_assert!(first.chars().chain(surname.chars()).any(breaks_lines));
            return Ok(());
        };
        prop_assert_eq!(tags(&letter), tags(&plain));
        prop_assert!(letter.text().expose().contains(&password));
        prop_assert!(!letter.subject().contains(breaks_lines) && !letter.name().contains(breaks_lines));
    }
}
