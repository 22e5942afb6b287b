//! From the spool copy and the live directory to the plan. Reads only.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use super::Errand;
use super::ahead::Ahead;
use super::ahead::read_both;
use super::ahead::reads_all;
use super::broken;
use super::choices;
use super::choices::ChoiceBits;
use super::feed::Feed;
use super::leavers;
use super::offered;
use super::reading::Reading;
use super::referents;
use crate::directory::Directory;
use crate::directory::Wanted;
use crate::enclosure;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::provision::is_owed;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::LineNo;
use crate::roster::attribute::AttributeName;
use crate::roster::earlier::Earlier;
use crate::roster::enclosed::Files;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::matching::MatchRules;
use crate::roster::matching::Matched;
use crate::roster::matching::Matching;
use crate::roster::memberships;
use crate::roster::memberships::GroupIndex;
use crate::roster::memberships::MembershipRules;
use crate::roster::place::Before;
use crate::roster::place::Home;
use crate::roster::plan::Notice;
use crate::roster::plan::Plan;
use crate::roster::plan::PlanId;
use crate::roster::planner;
use crate::roster::planner::Maker;
use crate::roster::planner::OldPolicy;
use crate::roster::planner::Surroundings;
use crate::roster::problem::Damage;
use crate::roster::read::Form;
use crate::roster::reference::Referred;
use crate::roster::rows::Rows;
use crate::sqlite::DatabaseError;
use crate::state::State;
use crate::state::journal::JournalKey;
use crate::state::journal::Journaled;
use crate::state::journal::JournaledLetter;
use crate::state::journal::Kind;
use crate::state::run::Run;

/// A plan with what the roster was found to be.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The form of the roster.
    pub form: Form,
    /// How many accounts the directory has, when all were read.
    pub n_entries: Option<usize>,
    /// The id of the plan as it is without the choices that an operator has made in its preview: by this it is
    /// approved.
    pub shown: PlanId,
    /// Entries that rosterd has switched off and that somebody has let in again.
    pub enabled_again: Vec<EntryId>,
    /// Those that it has switched off and that are in the roster now, by stable id.
    pub leavers_back: Vec<Box<str>>,
    /// Those that it has switched off, and of whom it is not known since when rosters are without them, until now.
    pub leavers_gone: Vec<Box<str>>,
}

/// What is known of a run from before.
#[derive(Debug, Default)]
pub struct Resume {
    /// What was being done to whom.
    pub journaled: HashMap<JournalKey, Journaled>,
    /// What became of letters.
    pub lettered: HashMap<LineNo, JournaledLetter>,
    /// Choices that an operator has made in the preview.
    pub choices: Vec<(LineNo, ChoiceBits)>,
}

impl Resume {
    /// Reads what the journal knows of a run.
    pub async fn of(state: &State, run: &str) -> Result<Self, DatabaseError> {
        let choices = state.choices(run).await?;
        Ok(Self {
            journaled: state.journaled(run).await?,
            lettered: state.letters(run).await?,
            choices: choices.into_iter().map(|(line, bits)| (line, ChoiceBits(bits))).collect(),
        })
    }

    /// Returns those who were to be deleted and are not among `seen`, with their login names.
    fn gone(&self, seen: &HashSet<Box<str>>) -> BTreeMap<Box<str>, Box<str>> {
        let gone = |(key, journaled): (&JournalKey, &Journaled)| match key {
            JournalKey::Entry(stable) if journaled.kind == Kind::Delete => {
                (!seen.contains(stable)).then(|| (stable.clone(), journaled.before.username.clone()))
            }
            _ => None,
        };
        self.journaled.iter().filter_map(gone).collect()
    }

    fn earlier(&self) -> Earlier {
        let mut earlier = Earlier::default();
        for (key, journaled) in &self.journaled {
            match key {
                JournalKey::Line(line) => {
                    let row = earlier.rows.entry(*line).or_default();
                    row.creation = journaled.creation();
                    row.is_settled = journaled.is_settled();
                    row.password_written = journaled.password_written;
                    if journaled.first != Before::default() && !journaled.is_settled() {
                        earlier.first.insert(*line, journaled.first.clone());
                    } else if journaled.before != Before::default() && !journaled.is_settled() {
                        earlier.before.insert(*line, journaled.before.clone());
                    }
                }
                JournalKey::Entry(stable) if journaled.is_settled() => {
                    earlier.settled_entries.insert(stable.clone());
                }
                JournalKey::Entry(stable) => {
                    earlier.begun_entries.insert(stable.clone());
                }
            }
        }
        for line in self.lettered.keys().filter(|line| is_owed(&self.lettered, **line)) {
            earlier.rows.entry(*line).or_default().letter_owed = true;
        }
        earlier
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The roster is damaged as a whole.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// rosterd's own copy cannot be read.
    #[error("the copy of the roster cannot be read")]
    Spool(#[from] io::Error),
    /// The directory does not say what it holds.
    #[error(transparent)]
    Directory(#[from] Fault),
    /// The directory says that it is empty, and had accounts before.
    #[error("target `{target}` answers that it has no accounts at all; it had {before} when it was last read")]
    SuddenlyEmpty {
        /// Its name.
        target: String,
        /// Accounts before.
        before: usize,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] DatabaseError),
    /// Reading the roster ended unexpectedly.
    #[error("reading the roster ended unexpectedly")]
    Panic,
}

impl PlanningError {
    /// Returns the failure as a person sees it.
    pub fn failure(self, run: &Run) -> Failure {
        let roster = &run.path;
        match self {
            Self::Damage(damage) => {
                let failure =
                    Failure::new(Exit::Refused, format!("{roster} is refused, nothing was changed: {damage}"));
                match damage.kind.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            Self::SuddenlyEmpty { .. } => Failure::new(
                Exit::Refused,
                format!("{roster} is refused, nothing was changed: {self}"),
            )
            .hint(
                "if the directory was emptied on purpose, say so: `rosterd approve --directory-was-emptied FILE` \
                         where the roster waits, else `rosterd import --directory-was-emptied FILE`",
            )
            .hint("if not, repair it, and drop or import the roster again"),
            Self::Directory(fault) => {
                let exit = if fault.next == Next::StopRun { Exit::Config } else { Exit::TryAgain };
                Failure::new(exit, format!("target `{}` cannot be read, nothing was changed: {fault}", run.target))
                    .hint(format!("`rosterd check` says what is wrong with target `{}`", run.target))
            }
            Self::Journal(error) => broken(error),
            Self::Spool(_) | Self::Panic => {
                Failure::new(Exit::TryAgain, format!("{roster}: {self}")).hint("look at the disk that holds `data_dir`")
            }
        }
    }
}

/// Reads the roster and the directory and decides about everybody.
pub async fn plan<D: Directory>(
    errand: &Errand<'_, D>,
    state: &State,
    resume: &Resume,
    emptied: bool,
    now: &str,
) -> Result<Planned, PlanningError> {
    let Errand { run, feed, directory, .. } = errand;
    if let Some(newest) = directory.newest()
        && let Some((server, progress)) = state.newest(&run.target).await?
    {
        // Another one may not have yet what an earlier run has written.
        newest.recall(&server, progress.as_deref());
    }
    let (mut read, existing) = read_both(run, feed, *directory).await?;
    if let Some(max_size) = read.mapper.files().iter().map(|rule| rule.max_size).max() {
        // Reading files is work for the disk; other tasks go on meanwhile.
        let names = Files::mentioned(&read.rows.accounts, read.mapper.files());
        let roster = PathBuf::from(&run.path);
        let look = move || enclosure::look(&roster, names, max_size);
        read.rows.files = tokio::task::spawn_blocking(look).await.map_err(|_| PlanningError::Panic)?;
    }
    offered::leave_out_unstored(feed, *directory, &mut read.rows).await?;
    let disabled = state.disabled_by_us(&run.target).await?;
    // What is done with people whose row and entry are alike anyway.
    let mut earlier = resume.earlier();
    let mut rules = feed.matching.clone();
    rules.touches_all |= !resume.choices.is_empty() || earlier.rows.values().any(|row| row.letter_owed);
    rules.touches_all |= !earlier.before.is_empty() || !earlier.first.is_empty();
    let is_leaver = |id: &EntryId| {
        let journaled = || resume.journaled.contains_key(&JournalKey::Entry(id.stable.clone()));
        disabled.contains_key(&id.stable) || (!resume.journaled.is_empty() && journaled())
    };
    let (matched, told) = match_rows(feed, &rules, *directory, existing, &mut read, &is_leaver).await?;
    earlier.gone_entries = resume.gone(&told.seen);
    let leavers = leavers::of(&disabled, feed.plan.grace, now);
    let n_entries = reads_all(feed, Some(&read.rows)).then_some(matched.n_entries);
    if n_entries == Some(0)
        && !emptied
        && let Some(before) = state.last_size(&run.target).await?.filter(|before| *before > 0)
    {
        return Err(PlanningError::SuddenlyEmpty { target: run.target.clone(), before });
    }
    let unedited = (!resume.choices.is_empty()).then(|| (read.rows.clone(), matched.clone()));
    let mut rows = std::mem::take(&mut read.rows);
    choices::apply(&resume.choices, &mut rows.accounts);
    let around = Surroundings { leavers, earlier, ..surroundings(feed, *directory, &mut rows).await? };
    let objections = |account: &crate::roster::account::Account| directory.objections(account);
    let maker = Maker { mapper: &read.mapper, candidates: read.candidates.as_ref(), digest: &feed.digest };
    let mut decisions = feed.plan.clone();
    if read.mapper.columns().has_own() {
        // Corrected rows of another roster: who is not among them is in that roster.
        if !matches!(decisions.old, OldPolicy::Keep | OldPolicy::Report) {
            let text = "these are corrected rows of another roster, so nobody counts as Old".to_owned();
            rows.notices.push(Notice { column: None, text });
        }
        decisions.old = OldPolicy::Keep;
    }
    let place_of = |entry: &EntryId, home: &Home<'_>| directory.place(entry, home);
    let is_old = |id: &str| matched.old.iter().any(|old| &*old.id.stable == id);
    let leavers_gone: Vec<Box<str>> = match decisions.old {
        OldPolicy::Keep => Vec::new(),
        _ => disabled
            .iter()
            .filter(|(id, known)| known.missing.is_none() && is_old(id))
            .map(|(id, _)| id.clone())
            .collect(),
    };
    let mut plan = planner::build(rows, matched, &decisions, &around, &maker, &objections, &place_of);
    referents::name(&mut plan, *directory).await?;
    let shown = match unedited {
        Some((rows, matched)) => planner::build(rows, matched, &decisions, &around, &maker, &objections, &place_of).id,
        None => plan.id.clone(),
    };
    let Told { enabled_again, leavers_back, seen: _ } = told;
    let leavers_back = leavers_back.into_iter().filter(|id| disabled.contains_key(id)).collect();
    Ok(Planned { plan, form: read.form, n_entries, shown, enabled_again, leavers_back, leavers_gone })
}

/// What was noticed about those whom rosterd has switched off, or may have.
#[derive(Debug, Default)]
struct Told {
    enabled_again: Vec<EntryId>,
    leavers_back: Vec<Box<str>>,
    seen: HashSet<Box<str>>,
}

async fn match_rows<D: Directory>(
    feed: &Feed,
    rules: &MatchRules,
    directory: &D,
    mut existing: Ahead<'_>,
    read: &mut Reading,
    is_leaver: &(dyn Fn(&EntryId) -> bool + Sync),
) -> Result<(Matched, Told), PlanningError> {
    let mut told = Told::default();
    let place_of = |entry: &EntryId, home: &Home<'_>| directory.place(entry, home);
    let referred = Referred::by(&read.rows.accounts, &read.mapper.references(), directory.fold_of_references());
    let matching = Matching::new(&read.rows, rules, &read.mapper, read.candidates.as_mut());
    let mut matching = matching.with_references(referred).placed_by(&place_of);
    while let Some(entry) = existing.next().await {
        let entry = entry?;
        let leaver = is_leaver(&entry.id).then(|| entry.id.clone());
        let is_enabled = entry.enabled;
        let is_in_roster = matching.see(entry);
        if let Some(id) = leaver {
            told.seen.insert(id.stable.clone());
            told.leavers_back.extend(is_in_roster.then(|| id.stable.clone()));
            told.enabled_again.extend(is_enabled.then_some(id));
        }
    }
    let mut matched = matching.finish();
    let is_whole = reads_all(feed, Some(&read.rows));
    if let Some(referred) = matched.referred.as_mut().filter(|_| !is_whole) {
        referents::look_up(referred, &read.rows.accounts, &feed.attributes, directory).await?;
    }
    Ok((matched, told))
}

async fn surroundings<D: Directory>(
    feed: &Feed,
    directory: &D,
    rows: &mut Rows,
) -> Result<Surroundings, PlanningError> {
    let capabilities = directory.capabilities().await?;
    let groups = index(directory, GroupKind::Group, &feed.groups, capabilities.groups, rows).await?;
    let roles = index(directory, GroupKind::Role, &feed.roles, capabilities.roles, rows).await?;
    let subscribes = rows.accounts.iter().any(|account| account.choices.subscribe);
    let channels = if subscribes && capabilities.channels {
        let existing = directory.groups(GroupKind::Channel, Wanted::All).await?;
        let all = existing.iter().map(|group| group.name.clone()).collect();
        let rules = MembershipRules { create: false, owned: globset::GlobSet::empty() };
        Some(GroupIndex::new(GroupKind::Channel, rules, existing, &all))
    } else {
        None
    };
    if subscribes && !capabilities.channels {
        let text = "the target has no channels, so nobody is subscribed to any".to_owned();
        rows.notices.push(Notice { column: Some("subscribe".into()), text });
    }
    let allocates = directory.allocates().iter().map(|name| AttributeName::new(name)).collect();
    Ok(Surroundings { groups, roles, channels, allocates, ..Surroundings::default() })
}

async fn index<D: Directory>(
    directory: &D,
    kind: GroupKind,
    rules: &MembershipRules,
    capable: bool,
    rows: &mut Rows,
) -> Result<Option<GroupIndex>, PlanningError> {
    let says_something = rows.accounts.iter().any(|account| match kind {
        GroupKind::Group => account.groups.is_some(),
        _ => account.roles.is_some(),
    });
    if !says_something {
        return Ok(None);
    }
    if !capable {
        let text = format!("the target has no {}s, so the column is not applied", kind.word());
        rows.notices.push(Notice { column: Some(format!("{}s", kind.word()).into()), text });
        return Ok(None);
    }
    let named = memberships::named(&rows.accounts, kind);
    let wanted = if rules.owned.is_empty() { Wanted::Named(named.iter().cloned().collect()) } else { Wanted::All };
    let existing = directory.groups(kind, wanted).await?;
    Ok(Some(GroupIndex::new(kind, rules.clone(), existing, &named)))
}
