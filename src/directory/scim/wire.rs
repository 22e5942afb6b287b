//! What goes over the wire: strict in what is written, lenient in what is read. Never any IO.
//!
//! Services differ from RFC 7643 and RFC 7644 in small things: keys in another case, numbers as strings, fields that
//! are missing. Nothing of that is a fault as long as its meaning is plain; what cannot be understood is a [`Misread`],
//! and never silently nothing.

pub mod apply;
pub mod bulk;
pub mod error;
pub mod id;
pub mod lenient;
pub mod list;
pub mod patch;
pub mod resource;
pub mod urn;
pub mod writer;

pub use self::apply::applied;
pub use self::bulk::BulkAnswer;
pub use self::bulk::BulkOperation;
pub use self::bulk::BulkRequest;
pub use self::bulk::BulkResponse;
pub use self::bulk::Method;
pub use self::error::ErrorReply;
pub use self::error::ScimType;
pub use self::id::ETag;
pub use self::id::ResourceId;
pub use self::list::ListResponse;
pub use self::patch::Op;
pub use self::patch::PatchOp;
pub use self::patch::PatchOperation;
pub use self::resource::MemberRef;
pub use self::resource::Resource;
pub use self::urn::Urn;
pub use self::writer::Group;
pub use self::writer::NewMember;
pub use self::writer::User;

/// JSON that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// It is no JSON object, where a resource should be.
    #[error("the service answered with something that is no resource")]
    NotAResource,
    /// A resource without an id that can be used.
    #[error("the service answered with a resource that has no usable `id`")]
    NoId,
    /// It is no list of resources.
    #[error("the service answered with something that is no list of resources")]
    NotAList,
    /// It is no answer to a bulk request.
    #[error("the service answered with something that is no answer to a bulk request")]
    NotABulkResponse,
}
