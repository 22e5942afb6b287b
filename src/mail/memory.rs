//! A mailer that keeps letters, and can be told to misbehave. For tests; no configuration leads here.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::fault::MailFault;
use super::fault::MailNext;
use super::message::MessageId;
use crate::roster::letter::Letter;

/// Keeps letters. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct MemoryMailer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    kept: Vec<KeptLetter>,
    next: VecDeque<MemoryAnswer>,
    by_address: HashMap<String, MemoryAnswer>,
}

/// A letter that was handed over.
#[derive(Clone, Debug)]
pub struct KeptLetter {
    /// The letter.
    pub letter: Letter,
    /// Its id.
    pub message_id: MessageId,
}

/// How a letter is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryAnswer {
    /// It is kept.
    Accept,
    /// It is not kept.
    Fail(MailFault),
    /// It is kept, and the answer is lost.
    LoseAnswer,
}

impl MemoryMailer {
    /// Answers the next letter like this; called again, the one after that.
    pub fn answer_next(&self, answer: MemoryAnswer) {
        self.state().next.push_back(answer);
    }

    /// Answers every letter to `address` like this, unless [`MemoryMailer::answer_next`] says otherwise.
    pub fn answer_to(&self, address: &str, answer: MemoryAnswer) {
        self.state().by_address.insert(address.to_owned(), answer);
    }

    /// Returns the letters that were handed over, in order.
    pub fn kept(&self) -> Vec<KeptLetter> {
        self.state().kept.clone()
    }

    pub(super) fn send(&self, letter: &Letter, message_id: &MessageId) -> Result<(), MailFault> {
        let mut state = self.state();
        let scripted = state.next.pop_front().or_else(|| state.by_address.get(letter.to()).cloned());
        let answer = match scripted.unwrap_or(MemoryAnswer::Accept) {
            MemoryAnswer::Fail(fault) => return Err(fault),
            MemoryAnswer::Accept => Ok(()),
            MemoryAnswer::LoseAnswer => Err(MailFault::new(MailNext::Unknown, "the answer was lost")),
        };
        state.kept.push(KeptLetter { letter: letter.clone(), message_id: message_id.clone() });
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
