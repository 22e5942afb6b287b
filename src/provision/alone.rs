//! What makes a directory hang up is sent by itself: one row must not stand in the way of all others, night after night.

use super::courier::Courier;
use super::courier::Pending;
use super::courier::Placed;
use super::courier::backoff;
use crate::directory::Directory;
use crate::roster::fault::Fault;
use crate::roster::outcome::Outcome;

/// How often a directory must hang up on something that is sent by itself until that is taken for its answer.
pub(super) const HANGUPS: u32 = 2;

/// Returns what to say when a directory has hung up on something by itself that often; `None` when it has not hung up.
pub(super) fn refusal_by_hanging_up(fault: &Fault) -> Option<String> {
    let meaning = fault.hung_up?;
    Some(format!("the directory hangs up each time this is sent, even by itself: {meaning}"))
}

impl<D: Directory> Courier<'_, D> {
    /// Sends those by themselves that were on their way when the directory hung up, and settles whatever makes it hang
    /// up again though it answers what is asked in between. Returns what is to be sent again.
    pub(super) async fn one_by_one(&self, rest: Placed, pending: &mut Pending<'_>) -> Placed {
        let (suspects, mut left): (Placed, Placed) =
            rest.into_iter().partition(|(place, _)| pending.has_hung_up(*place));
        for suspect in suspects {
            let mut alone = vec![suspect];
            for attempt in 1..=HANGUPS {
                if self.is_over() || self.work.stop.is_cancelled() {
                    break;
                }
                alone = self.send(alone, pending).await;
                let Some((place, _)) = alone.first() else { break };
                let why = pending.said[*place].as_ref().and_then(refusal_by_hanging_up);
                let Some(why) = why.filter(|_| !self.is_over()) else { break };
                if attempt == HANGUPS {
                    // It was looked at since: it is not done.
                    pending.fates[*place] = Some(Outcome::Rejected(why));
                    alone.clear();
                } else {
                    self.rest(backoff(attempt)).await;
                }
            }
            left.extend(alone);
        }
        left
    }
}
