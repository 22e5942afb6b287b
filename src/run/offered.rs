//! What a target does not offer is left out of the rows before anything is planned, and told once.

use super::feed::Feed;
use crate::directory::Directory;
use crate::provision::letters::LetterProof;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::plan::Notice;
use crate::roster::rows::Rows;

/// Leaves out what the target does not keep, so that nobody is updated for it night after night, and tells so once.
pub(super) async fn leave_out_unstored<D: Directory>(feed: &Feed, directory: &D, rows: &mut Rows) -> Result<(), Fault> {
    let capabilities = directory.capabilities().await?;
    // Where a forced change must be proved, its letter is refused, and that says why.
    let is_proved = feed.letters.as_ref().is_some_and(|letters| letters.proof != LetterProof::None);
    if !capabilities.must_change && directory.goes_on_without_must_change() && !is_proved {
        if rows.accounts.iter().any(|account| account.must_change == Some(true)) {
            let text = "the target cannot force a change of the password, so the column is not applied".to_owned();
            rows.notices.push(Notice { column: Some("change password next time".into()), text });
        }
        for account in &mut rows.accounts {
            account.must_change = Some(false);
        }
    }
    let unstored: Vec<&AttributeName> = feed.attributes.names().filter(|name| !directory.stores(name)).collect();
    if let MatchBy::Attribute(name) = &feed.matching.by
        && unstored.contains(&name)
    {
        // Every row would be New, every time.
        let reason = format!("the target does not store `{name}`, by which the feed finds people");
        return Err(Fault::new(Next::StopRun, reason));
    }
    for name in &unstored {
        let text = format!("the target does not store `{name}`, which is left out");
        rows.notices.push(Notice { column: None, text });
    }
    for account in rows.accounts.iter_mut().filter(|_| !unstored.is_empty()) {
        account.attributes = account.attributes.only(|name| !unstored.contains(&name));
    }
    Ok(())
}
