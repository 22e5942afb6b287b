//! A directory during whose work the daemon dies.

use std::future::Future;
use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use futures_util::Stream;
use futures_util::StreamExt;
use rosterd::directory::Capabilities;
use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Login;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::memory::Memory;
use rosterd::roster::account::Account;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::fault::Fault;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::place::Home;
use rosterd::roster::place::Place;
use rosterd::roster::problem::Problem;
use rosterd::roster::reference::Fold;
use rosterd::roster::secret::Secret;
use rosterd::run::Order;
use tokio::sync::Notify;

use crate::world::World;
use crate::world::life;

/// When death comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Before the step is done.
    Before,
    /// After it is done, and before anybody knows.
    After,
}

/// A directory in memory, at the n-th step of which everything ends. A step is a read, or one operation.
pub struct Mortal<'m> {
    memory: &'m Memory,
    steps: AtomicUsize,
    last: usize,
    death: Death,
    dead: Notify,
    words: Mutex<String>,
}

impl<'m> Mortal<'m> {
    pub fn new(memory: &'m Memory, last: usize, death: Death) -> Self {
        let words = Mutex::default();
        Self { memory, steps: AtomicUsize::new(0), last, death, dead: Notify::new(), words }
    }

    /// Returns what `work` comes to, or nothing if death came before.
    pub async fn survives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.dead.notified() => None,
            done = work => Some(done),
        }
    }

    /// Returns which step was the last.
    pub fn last_words(&self) -> String {
        self.words.lock().expect("not poisoned").clone()
    }

    async fn step<T>(&self, what: String, work: impl Future<Output = T>) -> T {
        let is_last = self.steps.fetch_add(1, Ordering::SeqCst) + 1 == self.last;
        if !is_last {
            return work.await;
        }
        *self.words.lock().expect("not poisoned") = what;
        if self.death == Death::After {
            work.await;
        }
        self.dead.notify_one();
        pending().await
    }
}

impl Directory for Mortal<'_> {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        self.memory.capabilities().await
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        self.memory.objections(account)
    }

    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        self.memory.place(entry, home)
    }

    fn fold_of_references(&self) -> Fold {
        self.memory.fold_of_references()
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let what = format!("reading {:?}", lookup.which);
        let read = self.step(what, async { self.memory.existing(lookup).collect::<Vec<_>>().await });
        futures_util::stream::once(read).flat_map(futures_util::stream::iter)
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        self.step(format!("reading {}s", kind.word()), self.memory.groups(kind, wanted)).await
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let mut answers = Vec::new();
        for operation in batch {
            let one = std::slice::from_ref(operation);
            answers.extend(self.step(format!("{operation:?}"), self.memory.apply(one, pace)).await);
        }
        answers
    }

    async fn login(&self, id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        self.step(format!("login {username}"), Directory::login(self.memory, id, username, password)).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.memory.check().await
    }
}

/// Lets a run die before and after each of its steps, each time in a new world, and then tells `and_then` when that was.
pub fn at_every_step(least: usize, world: impl Fn() -> World, and_then: impl Fn(&World, &str)) {
    for moment in [Death::Before, Death::After] {
        for n in 1.. {
            let world = world();
            let directory = Mortal::new(&world.memory, n, moment);
            if life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_some() {
                assert!(n > least, "only {n} steps");
                break;
            }
            and_then(&world, &format!("death {moment:?} step {n}: {}", directory.last_words()));
        }
    }
}
