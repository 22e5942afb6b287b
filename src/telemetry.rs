//! What is logged, how, and where to: standard error.
//!
//! `ROSTERD_LOG` says what, in the words of [`EnvFilter`], such as `debug` or `rosterd::intake=trace,info`. Rows, names,
//! addresses and DNs of people are never logged at info or above; secrets are never logged at all.

use std::env;
use std::fmt;
use std::io;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;

use tracing::Event;
use tracing::Level;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable that says what is logged.
pub const VARIABLE: &str = "ROSTERD_LOG";

/// What is logged unless [`VARIABLE`] says otherwise.
const DEFAULT: &str = "warn,rosterd=info";

/// Crates that log what passes over the wire, credentials and letters included: the mailer's debug lines are the whole
/// SMTP conversation. No setting lets through more of them than warnings.
const TALKATIVE: [&str; 4] = ["lettre", "ldap3", "lber", "rustls"];

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryFault {
    /// [`VARIABLE`] cannot be understood.
    #[error("{VARIABLE} cannot be understood: {0}")]
    Filter(String),
    /// Something else logs already.
    #[error("logging is already started")]
    Started,
}

impl TelemetryFault {
    /// Returns how to write it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Filter(_)).then_some("for example `info`, or `warn,rosterd::intake=debug`")
    }
}

/// Starts logging to standard error, for the whole process.
///
/// Where standard error is the journal, lines carry their priority for it, and no time, because it adds its own.
pub fn start(format: Format) -> Result<(), TelemetryFault> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) if !directives.trim().is_empty() => directives,
        Ok(_) | Err(env::VarError::NotPresent) => DEFAULT.to_owned(),
        Err(env::VarError::NotUnicode(_)) => return Err(TelemetryFault::Filter("it is not UTF-8".to_owned())),
    };
    let look = match format {
        Format::Json => Look::Json,
        Format::Text if is_journal() => Look::Journal,
        Format::Text if io::stderr().is_terminal() => Look::Terminal,
        Format::Text => Look::Plain,
    };
    let subscriber = subscriber(&directives, look, io::stderr)?;
    subscriber.try_init().map_err(|_| TelemetryFault::Started)
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Terminal,
    Plain,
    Journal,
    Json,
}

fn subscriber<W>(directives: &str, look: Look, writer: W) -> Result<impl Subscriber + Send + Sync, TelemetryFault>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse(directives)
        .map_err(|e| TelemetryFault::Filter(e.to_string()))?;
    let base = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match look {
        Look::Terminal => Box::new(base.with_ansi(true).with_target(false)),
        Look::Plain => Box::new(base.with_ansi(false).with_target(false)),
        Look::Journal => Box::new(base.with_ansi(false).event_format(ForJournal)),
        Look::Json => Box::new(base.json()),
    };
    Ok(tracing_subscriber::registry().with(layer).with(filter).with(FilterFn::new(is_harmless)))
}

fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let from = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::WARN || !TALKATIVE.contains(&from)
}

/// Returns whether standard error goes to the journal: systemd leaves device and inode of the stream it connected.
fn is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.dev(), stderr.ino())
}

/// Lines with the priorities of `sd-daemon(3)` in front.
struct ForJournal;

impl<S, N> FormatEvent<S, N> for ForJournal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        write!(writer, "<{priority}>")?;
        tracing_subscriber::fmt::format()
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .with_target(false)
            .format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(directives: &str, look: Look, say: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(directives, look, move || writer.clone()).expect("directives");
        tracing::subscriber::with_default(subscriber, say);
        let bytes = page.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn by_default_own_news_and_warnings_of_others_are_logged() {
        let text = logged(DEFAULT, Look::Plain, || {
            tracing::info!("own news");
            tracing::debug!("own detail");
            tracing::info!(target: "hyper", "news of others");
            tracing::warn!(target: "hyper", "warning of others");
        });
        let said: Vec<_> = ["own news", "own detail", "news of others", "warning of others"]
            .into_iter()
            .filter(|words| text.contains(words))
            .collect();
        assert_eq!(said, ["own news", "warning of others"]);
    }

    #[test]
    fn no_setting_lets_the_wire_be_logged() {
        let all = "trace,lettre=trace,lettre::transport::smtp::client::async_connection=trace,ldap3=trace,lber=trace";
        let text = logged(all, Look::Plain, || {
            tracing::debug!(target: "lettre::transport::smtp::client::async_connection", "Wrote: AUTH PLAIN c2VjcmV0");
            tracing::trace!(target: "ldap3::protocol", "secret");
            tracing::info!(target: "lber", "secret");
            tracing::warn!(target: "lettre", "a warning");
            tracing::trace!("own detail");
        });
        assert!(!text.contains("c2VjcmV0") && !text.contains("secret"), "{text}");
        assert!(text.contains("a warning") && text.contains("own detail"), "{text}");
    }

    #[test]
    fn the_journal_gets_priorities_and_no_times() {
        let text = logged("debug", Look::Journal, || {
            tracing::error!("bad");
            tracing::warn!(file.name = "a.csv", "odd");
            tracing::info!("news");
            tracing::debug!("detail");
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines, ["<3>bad", "<4>odd file.name=\"a.csv\"", "<6>news", "<7>detail"]);
    }

    #[test]
    fn a_line_break_in_a_value_does_not_make_a_line() {
        let name = "a\n<3>forged.csv\u{1b}[2J";
        let text = logged("info", Look::Journal, || tracing::info!(file.name = ?name, "seen"));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn json_lines_are_json() {
        let text = logged("info", Look::Json, || tracing::info!(file.name = "a.csv", "seen"));
        let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["fields"]["file.name"], "a.csv");
    }

    #[test]
    fn directives_that_make_no_sense_are_refused_with_a_hint() {
        let Err(fault) = subscriber("rosterd=loud", Look::Plain, io::sink) else { panic!("understood") };
        assert!(fault.to_string().starts_with("ROSTERD_LOG cannot be understood: "), "{fault}");
        assert!(fault.hint().is_some());
    }
}
