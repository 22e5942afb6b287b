//! What the fault server can do wrong: faults that happen to requests, and quirks that it has as long as they are set.

use std::time::Duration;

use axum::http::Method;

/// When the service says to come back.
#[derive(Clone, Copy, Debug)]
pub enum RetryAfter {
    Seconds(u64),
    /// An HTTP date (RFC 9110 section 10.2.3), this long from now, cut to the second.
    Date(Duration),
    /// `X-RateLimit-Remaining: 0` and `X-RateLimit-Reset` in seconds from now, without `Retry-After`.
    Reset(u64),
}

/// Something that happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429, nothing done.
    TooMany(Option<RetryAfter>),
    /// 503, nothing done.
    Unavailable(Option<RetryAfter>),
    /// This status with an error of SCIM's, nothing done.
    Refused(u16, Option<&'static str>),
    /// All is done, and this status says otherwise.
    DoneButSays(u16),
    /// The connection is closed without an answer, nothing done.
    Closed,
    /// All is done, and the connection is closed without an answer.
    DoneButClosed,
    /// All is done, and the connection is closed in the middle of the answer's body.
    CutBody,
    /// All is done, and the answer comes this late.
    Late(Duration),
    /// A page for people with this status, nothing done.
    Html(u16),
    /// Empty with this status, nothing done.
    Empty(u16),
    /// A redirect to this address, nothing done.
    Redirect(u16, String),
    /// More of a body than anybody should read.
    Huge(usize),
    /// The same, as a few octets of gzip.
    Bomb(usize),
}

/// Which requests something happens to, by method and the beginning of the path below the base.
#[derive(Clone, Debug)]
pub struct When {
    pub method: Option<Method>,
    pub path: &'static str,
    /// How many of them are spared first.
    pub after: usize,
    /// How many are struck then.
    pub times: usize,
}

impl When {
    /// The next request of this method to this path.
    pub fn next(method: Method, path: &'static str) -> Self {
        Self { method: Some(method), path, after: 0, times: 1 }
    }

    /// Every request of this method to this path.
    pub fn every(method: Method, path: &'static str) -> Self {
        Self { times: usize::MAX, ..Self::next(method, path) }
    }

    /// Every request at all.
    pub fn always() -> Self {
        Self { method: None, path: "", after: 0, times: usize::MAX }
    }

    #[must_use]
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }

    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// What the service does in its own way. The default does all as RFC 7643 and RFC 7644 say.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// 429 for more than so many requests in any second, with `Retry-After: 1`.
    pub rate: Option<usize>,
    /// Every answer takes this long.
    pub latency: Duration,
    pub discovery: Discovery,
    pub patch: bool,
    pub put: bool,
    /// What `ServiceProviderConfig` says of filters; they work anyway, unless the next ones say otherwise.
    pub filter: bool,
    pub filters: Filters,
    pub etag: bool,
    pub change_password: bool,
    pub bulk: Option<BulkQuirks>,
    /// Paging by cursor (RFC 9865) is offered, and nothing else is.
    pub cursor: bool,
    pub page_max: usize,
    pub pages: Pages,
    pub enterprise: bool,
    /// The extension that only this service has, see [`super::OWN`].
    pub extension: bool,
    pub groups: bool,
    pub created: Created,
    /// Attributes that are taken with a success and not stored. Of extensions, the name behind the last colon.
    pub dropped: &'static [&'static str],
    /// Attributes whose PATCH is answered with 204 and has no effect.
    pub patched_without_effect: &'static [&'static str],
    /// Every PATCH is answered so, and has no effect.
    pub patch_without_effect: bool,
    /// PATCH answers with the resource, not with 204.
    pub patch_tells: bool,
    /// A PATCH of these attributes is refused with 400 `invalidPath`, and all else in the request with it.
    pub refused: &'static [&'static str],
    /// Attributes that cannot change: 400 `mutability`.
    pub immutable: &'static [&'static str],
    /// One operation for each PATCH, or 400.
    pub one_operation: bool,
    /// Usernames that exist and are shown to nobody: 409.
    pub invisible: &'static [&'static str],
    /// DELETE switches the account off; it goes on to be there.
    pub soft_delete: bool,
    pub status: StatusForm,
    pub values: ValueForm,
    /// More members in one request are refused with 413.
    pub members_max: Option<usize>,
    /// Values that are refused with 400 `invalidValue`.
    pub refused_values: &'static [&'static str],
    /// `Location` and `meta.location` say this instead of the address.
    pub location: Option<String>,
    /// Errors repeat what was sent, credentials and all.
    pub echoes: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            rate: None,
            latency: Duration::ZERO,
            discovery: Discovery::Proper,
            patch: true,
            put: true,
            filter: true,
            filters: Filters::Proper,
            etag: true,
            change_password: true,
            bulk: None,
            cursor: false,
            page_max: 200,
            pages: Pages::Proper,
            enterprise: true,
            extension: true,
            groups: true,
            created: Created::Proper,
            dropped: &[],
            patched_without_effect: &[],
            patch_without_effect: false,
            patch_tells: false,
            refused: &[],
            immutable: &[],
            one_operation: false,
            invisible: &[],
            soft_delete: false,
            status: StatusForm::Text,
            values: ValueForm::Proper,
            members_max: None,
            refused_values: &[],
            location: None,
            echoes: false,
        }
    }
}

/// What the service says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    Proper,
    /// 404 with a page for people.
    Absent,
    /// 401, whoever asks.
    Denied,
    /// A page for people with 200.
    Html,
    /// Lists without the envelope of RFC 7644 section 3.4.2, and features without their limits.
    Bare,
}

/// What a filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    Proper,
    /// The whole list comes back.
    Ignored,
    /// Nothing is found, whatever there is.
    Blind,
    /// Only what is spelled alike is found.
    CaseExact,
    /// 400 `invalidFilter`.
    Refused,
    /// `userName` alone can be looked for; by all else nothing is found.
    UserNameOnly,
}

/// What pages are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    Proper,
    /// Beyond the end, the last page comes again, and `totalResults` grows.
    Endless,
    /// Whatever is asked for, the first page comes.
    First,
    /// From the second page on there is nothing, though `totalResults` says so.
    Missing,
    /// There is no `totalResults`.
    Uncounted,
    /// Every page begins with the last one of the page before.
    Overlapping,
}

/// What the answer to a POST that worked lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Proper,
    /// `id` in the body.
    WithoutId,
    /// `Location` and `meta.location`.
    WithoutLocation,
    /// `id`, `Location` and `meta.location`.
    WithoutBoth,
    /// The body.
    WithoutBody,
    /// The status is 200.
    Ok,
}

/// How an error says its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusForm {
    Text,
    Number,
    Code,
    Missing,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueForm {
    Proper,
    /// Ids as numbers, booleans as text, numbers as text.
    Loose,
    /// Keys of resources and envelopes in lower case.
    LowerCase,
}

/// What Bulk is like (RFC 7644 section 3.7).
#[derive(Clone, Copy, Debug)]
pub struct BulkQuirks {
    pub operations: usize,
    pub payload: usize,
    /// The limits that are kept, when they are lower than the announced ones.
    pub really: usize,
    /// Every so many-th operation is done and not answered.
    pub unanswered: Option<usize>,
    /// Every so many-th operation is neither done nor answered.
    pub lost: Option<usize>,
    /// The answers come in another order than the operations.
    pub is_shuffled: bool,
    pub status: StatusForm,
    /// 404 for the endpoint, whatever `ServiceProviderConfig` says.
    pub is_absent: bool,
}

impl BulkQuirks {
    pub const PROPER: Self = Self {
        operations: 100,
        payload: 1 << 20,
        really: usize::MAX,
        unanswered: None,
        lost: None,
        is_shuffled: false,
        status: StatusForm::Text,
        is_absent: false,
    };
}
