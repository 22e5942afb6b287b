//! A directory in memory in which something happens at a certain moment, and that knows when it was asked for what.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
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
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::place::Home;
use rosterd::roster::place::Place;
use rosterd::roster::problem::Problem;
use rosterd::roster::reference::Fold;
use rosterd::roster::secret::Secret;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// What happens before, or after, the batch of this number, counted from 1.
type Meddling<'m> = Box<dyn Fn(usize, &Memory) + Send + Sync + 'm>;

pub struct Meddled<'m> {
    memory: &'m Memory,
    n_batches: AtomicUsize,
    before: Meddling<'m>,
    after: Meddling<'m>,
    began: Instant,
    sent: Mutex<Vec<(Duration, String)>>,
    /// No account can be read after the first batch.
    pub blind: AtomicBool,
    /// How long it takes to get to know it, which is done once, by whoever comes first.
    pub reserve: Duration,
    known: OnceCell<()>,
}

impl<'m> Meddled<'m> {
    /// Makes one in which `before` happens before each batch.
    pub fn new(memory: &'m Memory, before: impl Fn(usize, &Memory) + Send + Sync + 'm) -> Self {
        Self {
            memory,
            n_batches: AtomicUsize::new(0),
            before: Box::new(before),
            after: Box::new(|_, _| {}),
            began: Instant::now(),
            sent: Mutex::default(),
            blind: AtomicBool::new(false),
            reserve: Duration::ZERO,
            known: OnceCell::new(),
        }
    }

    /// Adds what happens after each batch.
    pub fn after(mut self, after: impl Fn(usize, &Memory) + Send + Sync + 'm) -> Self {
        self.after = Box::new(after);
        self
    }

    async fn introduce(&self) {
        self.known.get_or_init(|| tokio::time::sleep(self.reserve)).await;
    }

    /// Returns when each operation was done, and on whom.
    pub fn sent(&self) -> Vec<(Duration, String)> {
        self.sent.lock().expect("not poisoned").clone()
    }
}

impl Directory for Meddled<'_> {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        self.introduce().await;
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
        if self.blind.load(Ordering::SeqCst) && self.n_batches.load(Ordering::SeqCst) > 0 {
            return stream::once(async { Err(Fault::new(Next::Retry, "the directory could not be read")) })
                .left_stream();
        }
        let read = async {
            self.introduce().await;
            self.memory.existing(lookup)
        };
        stream::once(read).flatten().right_stream()
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        self.memory.groups(kind, wanted).await
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let n = self.n_batches.fetch_add(1, Ordering::SeqCst) + 1;
        (self.before)(n, self.memory);
        let mut answers = Vec::new();
        for operation in batch {
            let before = self.memory.log().len();
            answers.extend(self.memory.apply(std::slice::from_ref(operation), pace).await);
            let line = self.memory.log()[before].clone();
            self.sent.lock().expect("not poisoned").push((self.began.elapsed(), line));
        }
        (self.after)(n, self.memory);
        answers
    }

    async fn login(&self, id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        Directory::login(self.memory, id, username, password).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.memory.check().await
    }
}
