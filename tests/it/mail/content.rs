//! What arrives, and what must never leave.

use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

const HEADERS: [&str; 8] =
    ["From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Date", "Content-Type"];

fn header_names(message: &Received) -> Vec<&str> {
    let mut names: Vec<_> = message.headers.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names
}

fn expected(more: &[&'static str]) -> Vec<&'static str> {
    let mut names = [&HEADERS, more].concat();
    names.sort_unstable();
    names
}

async fn deliver(letter: &Letter) -> Received {
    let server = SmtpServer::start(SmtpOptions::default());
    mailer(&settings(&server)).send(letter, &id(2)).await.expect("handed over");
    only(&server)
}

#[tokio::test]
async fn names_and_subject_of_all_scripts_arrive() {
    let server = SmtpServer::start(SmtpOptions::default());
    let settings = MailSettings {
        from: "\"IT-Service Köln, Bürgeramt\" <it@example.org>".to_owned(),
        reply_to: Some("Helpdesk <help@example.org>".to_owned()),
        ..settings(&server)
    };
    let sources = LetterSources {
        subject: Some("Ihr Zugang für {{ first }} 👋 – 新しい".to_owned()),
        ..Default::default()
    };
    let letter =
        letter(&sources, "Zoë-Łucja", "d’Ångström-Øđŕ 山田 Nguyễn Thị Minh Khai von und zu", "zoe@example.org");
    mailer(&settings).send(&letter, &id(2)).await.expect("handed over");
    let message = only(&server);
    assert!(message.raw.is_ascii(), "every server can take it");
    assert!(message.raw.split(|b| *b == b'\n').all(|line| line.len() <= 998), "RFC 5322 section 2.1.1");
    assert_eq!(message.header("Subject"), ["Ihr Zugang für Zoë-Łucja 👋 – 新しい"]);
    let name = "Zoë-Łucja d’Ångström-Øđŕ 山田 Nguyễn Thị Minh Khai von und zu";
    assert_eq!(message.to, [(name.to_owned(), "zoe@example.org".to_owned())]);
    assert_eq!(message.header("From"), ["\"IT-Service Köln, Bürgeramt\" <it@example.org>"]);
    assert_eq!(message.header("Reply-To"), ["Helpdesk <help@example.org>"]);
    assert_eq!(message.header("Message-ID"), [id(2).as_str()]);
    assert_eq!(message.header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header_names(&message), expected(&["Reply-To"]));
    assert!(message.parts[0].text.contains(name));
}

#[tokio::test]
async fn text_comes_first_and_both_parts_have_the_password() {
    let letter = letter_to("ada@example.org");
    let message = deliver(&letter).await;
    assert_eq!(message.content_type, "multipart/alternative");
    let parts: Vec<_> = message.parts.iter().map(|part| (&*part.content_type, &*part.encoding)).collect();
    assert_eq!(parts, [("text/plain", "quoted-printable"), ("text/html", "quoted-printable")]);
    // Line breaks travel as CRLF, and the last one belongs to the boundary (RFC 2046 section 5.1.1).
    let same = |part: &str, text: &Secret| assert_eq!(part.replace("\r\n", "\n").trim_end(), text.expose().trim_end());
    same(&message.parts[0].text, letter.text());
    same(&message.parts[1].text, letter.html().expect("HTML"));
    assert!(message.parts.iter().all(|part| part.text.contains(PASSWORD)));
    assert!(!String::from_utf8_lossy(&message.raw).contains(PASSWORD), "the `=` is encoded");
}

#[tokio::test]
async fn a_text_of_ones_own_goes_alone() {
    let text = "Zugang: {{ username }}\n{{ password }}  \n.\n..\r\nFrom here\n.\r\nQUIT\r\n--=_rosterd_letter--\n";
    let sources = LetterSources { text: Some(text.to_owned()), ..Default::default() };
    let letter = letter(&sources, "Ada", "Byron", "ada@example.org");
    let message = deliver(&letter).await;
    assert_eq!(message.content_type, "text/plain");
    let unified = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    assert_eq!(unified(&message.parts[0].text), unified(letter.text().expose()));
    assert_eq!(header_names(&message), expected(&["Content-Transfer-Encoding"]));
}

#[tokio::test]
async fn names_make_no_headers_and_no_recipients() {
    let server = SmtpServer::start(SmtpOptions::default());
    let mailer = mailer(&settings(&server));
    let sources = LetterSources { subject: Some("Welcome {{ first }} {{ surname }}".to_owned()), ..Default::default() };
    let names = [
        ("Ada\" <eve@evil.example>, \"Byron", ""),
        ("Ada <eve@evil.example>,", "Byron"),
        ("Bcc: eve@evil.example", "Reply-To: eve@evil.example"),
        ("=?utf-8?q?Ada=0D=0ABcc:_eve=40evil.example?=", "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?="),
        ("\\", "\"\\\""),
        ("(comment", ";:,@"),
        ("A".repeat(300).leak(), "é".repeat(300).leak()),
    ];
    for (first, surname) in names {
        mailer.send(&letter(&sources, first, surname, "ada@example.org"), &id(2)).await.expect("handed over");
    }
    let messages = server.messages();
    assert_eq!(messages.len(), names.len());
    for (message, (first, _)) in messages.iter().zip(names) {
        assert_eq!(message.recipients, ["ada@example.org"], "{first}");
        assert_eq!(header_names(message), expected(&[]), "{first}");
        let addresses: Vec<_> = message.to.iter().map(|(_, address)| &**address).collect();
        assert_eq!(addresses, ["ada@example.org"], "{first}");
        assert!(message.raw.split(|b| *b == b'\n').all(|line| line.len() <= 998), "{first}");
    }
    // Line breaks do not even get this far.
    let fields = LetterFields {
        username: "abyron",
        password: &Secret::from(PASSWORD),
        first: "Ada\r\nBcc: eve@evil.example",
        surname: "",
        email: "ada@example.org",
        must_change: true,
        created: true,
    };
    let template = LetterTemplate::compile(&sources).expect("sound");
    assert!(template.render(&fields).is_err());
    assert!(
        template.render(&LetterFields { first: "", email: "a@b.c>\r\nRCPT TO:<eve@evil.example", ..fields }).is_err()
    );
}

#[tokio::test]
async fn addresses_of_all_scripts_where_the_server_takes_them() {
    let (sent, server) = send_to(SmtpOptions::default(), "jörg@bücher.example").await;
    sent.expect("handed over");
    assert_eq!(only(&server).recipients, ["jörg@xn--bcher-kva.example"]);

    let server = SmtpServer::start(SmtpOptions { ascii_only: true, ..Default::default() });
    let mailer = mailer(&settings(&server));
    let refused = fault(mailer.send(&letter_to("jörg@example.org"), &id(2)).await);
    assert_eq!(refused.next, MailNext::Refused, "{refused}");
    mailer.send(&letter_to("joerg@bücher.example"), &id(3)).await.expect("handed over");
    assert_eq!(only(&server).recipients, ["joerg@xn--bcher-kva.example"]);
}

/// Answers every line of a client with the next of `replies`; the content of a letter is one line.
async fn scripted(replies: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a port").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (from, mut to) = stream.into_split();
            let mut lines = BufReader::new(from).lines();
            let mut content = false;
            for reply in replies {
                let _ = to.write_all(format!("{reply}\r\n").as_bytes()).await;
                while let Ok(Some(line)) = lines.next_line().await {
                    if !content || line == "." {
                        break;
                    }
                }
                content = reply.starts_with("354");
            }
        }
    });
    port
}

async fn send_to_script(replies: &'static [&'static str]) -> Result<(), MailFault> {
    let settings = MailSettings {
        server: format!("smtp://127.0.0.1:{}", scripted(replies).await),
        tls: MailTls::None,
        ca_pem: None,
        login: None,
        from: "it@example.org".to_owned(),
        reply_to: None,
        timeout: Duration::from_secs(10),
    };
    mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await
}

#[tokio::test]
async fn every_way_a_server_can_break_off() {
    use MailNext::Refused;
    use MailNext::Retry;
    use MailNext::Stop;
    use MailNext::Unknown;
    let cases: [(&[&str], Option<MailNext>); 14] = [
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go", "250 taken"], None),
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go", "250-taken", "250 really"], None),
        (&["421 busy"], Some(Retry)),
        (&["554 no mail here"], Some(Stop)),
        (&["what?"], Some(Retry)),
        (&["220 hi", "250 me"], Some(Retry)),
        (&["220 hi", "250 me", "250 ok", "421 closing"], Some(Retry)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "250 ok"], Some(Retry)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "452 full"], Some(Retry)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "554 no"], Some(Refused)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go", "354 go"], Some(Unknown)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go", "garbage"], Some(Unknown)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go", "452 full"], Some(Retry)),
        (&["220 hi", "250 me", "250 ok", "250 ok", "354 go"], Some(Unknown)),
    ];
    for (replies, next) in cases {
        let sent = send_to_script(replies).await;
        assert_eq!(sent.as_ref().err().map(|fault| fault.next), next, "{replies:?}: {sent:?}");
    }
}

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_level_shows_a_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::trace!("listening");
    let server = SmtpServer::start(SmtpOptions { login: Some(("rosterd", "hunter2")), ..Default::default() });
    let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("hunter2") });
    let mailer = mailer(&MailSettings { login, ..settings(&server) });
    mailer.send(&letter_to("ada@example.org"), &id(2)).await.expect("handed over");
    only(&server);
    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    assert!(log.contains("listening"));
    // The last is `\0rosterd\0hunter2` in base64, as AUTH PLAIN sends it.
    let encoded = PASSWORD.replace('=', "=3D");
    for secret in [PASSWORD, &encoded, "hunter2", "AHJvc3RlcmQAaHVudGVyMg=="] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert!(!format!("{mailer:?}").contains("hunter2"));
}
