//! Between the flat attributes of a roster and the nested ones of SCIM.
//!
//! What a service has is read into accounts, and what it should have becomes the body of a POST, operations
//! of a PATCH, or the body of a PUT: typed as the service's schema says, and without what it would not store.

use super::path::PathFault;
use super::service::NotStored;
use crate::roster::attribute::AttributeName;

mod account;
mod change;
mod create;
mod form;
mod place;

#[cfg(test)]
mod tests;

pub use self::account::Paths;
pub use self::account::account_of;
pub use self::account::unstored;
pub use self::change::Changed;
pub use self::change::changes_of;
pub use self::change::put_of;
pub use self::change::whole_of;
pub use self::create::NewAccount;
pub use self::create::Written;
pub use self::create::resource_of;
pub use self::place::not_stored;

/// Why an account cannot be written as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{attribute}`: {why}")]
pub struct Unwritable {
    /// Which attribute, as the feed names it.
    pub attribute: AttributeName,
    /// Why.
    pub why: Why,
}

/// What is wrong with an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Its name is no path.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// It has several values where the service has one.
    #[error("it has {0} values, and the service keeps one")]
    Several(usize),
    /// The schema asks for something else.
    #[error("`{value}` is not {expected}")]
    Value {
        /// The value, shortened.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Another attribute is written to the same place.
    #[error("`{0}` is written to the same place")]
    Twice(AttributeName),
    /// rosterd itself writes it.
    #[error("it is written by rosterd itself and cannot be mapped")]
    Own,
}

/// An attribute that was left out of a request, since the service would not store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which attribute, as the feed names it.
    pub attribute: AttributeName,
    /// Why the service would not store it.
    pub why: NotStored,
}
