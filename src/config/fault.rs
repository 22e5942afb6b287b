//! Faults of a configuration file, shown all at once with the lines they are in.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Origin;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

/// One thing wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Bytes of the file that are to blame.
    pub span: Option<Range<usize>>,
    /// One sentence.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ConfigFault {
    /// Makes a fault about the bytes of `span`.
    pub fn at(span: Range<usize>, text: impl Into<String>) -> Self {
        Self { span: Some(span), text: text.into(), hint: None }
    }

    /// Makes a fault about something that is not there.
    pub fn missing(text: impl Into<String>) -> Self {
        Self { span: None, text: text.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All faults of one file, with its text to show the places.
#[derive(Debug)]
pub struct ConfigFaults {
    /// The file.
    pub path: std::path::PathBuf,
    /// Its text.
    pub text: String,
    /// At least one.
    pub faults: Vec<ConfigFault>,
}

impl ConfigFaults {
    /// Makes the faults of one file.
    pub fn new(path: &Path, text: &str, faults: Vec<ConfigFault>) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), faults }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        match self.faults.len() {
            1 => write!(f, "the configuration {path} has a fault")?,
            n => write!(f, "the configuration {path} has {n} faults")?,
        }
        for fault in &self.faults {
            write!(f, "\n\n")?;
            let mut group = Group::with_title(Level::ERROR.primary_title(&*fault.text));
            match &fault.span {
                Some(span) => {
                    let annotation = AnnotationKind::Primary.span(span.clone());
                    group = group.element(Snippet::source(&*self.text).path(&*path).annotation(annotation));
                }
                None => group = group.element(Origin::path(&*path)),
            }
            if let Some(hint) = &fault.hint {
                group = group.element(Level::HELP.message(&**hint));
            }
            write!(f, "{}", Renderer::plain().render(&[group]))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
