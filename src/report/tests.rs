//! Each form of a small plan, word by word; then hostile text, secrets and size through all forms.

use std::io;
use std::io::Write;

use super::sample::account;
use super::sample::came;
use super::sample::create;
use super::sample::ending;
use super::sample::form;
use super::sample::item;
use super::sample::plan;
use super::sample::results;
use super::sample::subject;
use super::*;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Notice;
use crate::roster::plan::Status;
use crate::roster::read::Sure;
use crate::roster::remark::NoTransactions;
use crate::roster::remark::Remark;

mod hostile;
mod previews;
mod verdicts;

/// Returns what `write` writes.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
