//! A tap between the server and the protocol library, for reading whole directories.
//!
//! The library makes a tree of small allocations of every entry, copies the tree, and wakes its reader for each: this
//! takes longer than the server needs to send the entry. So on a tapped connection the library still says everything
//! and reads every other answer, but entries are read here, out of the same stream, before it sees them.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use super::ber::ENTRY;
use super::ber::Element;
use super::ber::INTEGER;
use super::ber::Malformed;
use super::ber::SEQUENCE;
use super::entry::Entry;

/// Octets to make room for when reading from the server.
const PIECE: usize = 1 << 17;

/// What is read out of a connection. Dropping it ends the connection.
#[derive(Debug)]
pub struct Tap {
    kept: Arc<Mutex<Option<Kept>>>,
    task: AbortHandle,
}

/// Entries that were kept: whole messages, one after the other, which are read when their turn comes.
#[derive(Debug, Default)]
pub struct Kept {
    messages: Vec<u8>,
    /// How many octets of them have been read.
    taken: usize,
}

impl Kept {
    /// Reads the next one into `entry`; returns whether there was one.
    pub fn read(&mut self, entry: &mut Entry) -> Result<bool, Malformed> {
        let Some((message, rest)) = Element::take(&self.messages[self.taken..])? else { return Ok(false) };
        entry.read(entry_in(message)?.ok_or(Malformed)?)?;
        self.taken = self.messages.len() - rest.len();
        Ok(true)
    }
}

impl Tap {
    /// Puts a tap on the secured connection `server`, and returns it with the end that is for the library.
    pub fn on<S>(server: S) -> io::Result<(std::os::unix::net::UnixStream, Self)>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (library, ours) = UnixStream::pair()?;
        let kept = Arc::new(Mutex::new(None));
        let task = tokio::spawn(carry(server, ours, Arc::clone(&kept))).abort_handle();
        Ok((library.into_std()?, Self { kept, task }))
    }

    /// Keeps from now on the entries that arrive. Nothing but one search may be under way.
    pub fn keep(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept::default());
    }

    /// Returns what was kept, and lets entries pass again. When the library has seen the end of a search, the entries
    /// before it have been kept.
    pub fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries octets in both directions until one side ends; then the other one sees an end, too.
async fn carry<S>(server: S, library: UnixStream, kept: Arc<Mutex<Option<Kept>>>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (from_server, mut to_server) = tokio::io::split(server);
    let (mut from_library, to_library) = library.into_split();
    let up = tokio::io::copy(&mut from_library, &mut to_server);
    let end = tokio::select! {
        end = up => end.map(|_| ()),
        end = down(from_server, to_library, &kept) => end,
    };
    if let Err(error) = end {
        tracing::debug!("The connection broke: {error}");
    }
    // What a server that is already gone says about it does not matter.
    let _ = to_server.shutdown().await;
}

async fn down(
    mut server: impl AsyncRead + Unpin,
    mut library: impl AsyncWrite + Unpin,
    kept: &Mutex<Option<Kept>>,
) -> io::Result<()> {
    let mut inbox = Vec::new();
    let mut passed = Vec::new();
    loop {
        inbox.reserve(PIECE);
        if server.read_buf(&mut inbox).await? == 0 {
            return Ok(());
        }
        let taken = sift(&inbox, kept, &mut passed)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the server sent an answer that is no LDAP"))?;
        inbox.drain(..taken);
        library.write_all(&passed).await?;
        passed.clear();
    }
}

/// Keeps the entries among the whole messages that `inbox` begins with, if they are to be kept, and adds the other
/// messages to `passed`. Returns how many octets that was.
fn sift(inbox: &[u8], kept: &Mutex<Option<Kept>>, passed: &mut Vec<u8>) -> Result<usize, Malformed> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rest = inbox;
    while let Some((message, after)) = Element::take(rest)? {
        let into = match (&mut *kept, entry_in(message)?) {
            (Some(kept), Some(_)) => &mut kept.messages,
            _ => &mut *passed,
        };
        into.extend_from_slice(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    Ok(inbox.len() - rest.len())
}

/// Returns the `SearchResultEntry` in an `LDAPMessage` (RFC 4511 section 4.1.1), if it is one.
fn entry_in(message: Element<'_>) -> Result<Option<Element<'_>>, Malformed> {
    if message.identifier != SEQUENCE {
        return Err(Malformed);
    }
    let mut parts = message.parts();
    parts.expect(INTEGER)?;
    Ok(parts.next_if_any()?.filter(|operation| operation.identifier == ENTRY))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with an entry without attributes, and one with the end of a search.
    const ENTRY_AND_END: [u8; 29] = [
        0x30, 13, 0x02, 1, 2, 0x64, 8, 0x04, 4, b'o', b'=', b'x', b'y', 0x30, 0, //
        0x30, 12, 0x02, 1, 2, 0x65, 7, 0x0a, 1, 0, 0x04, 0, 0x04, 0,
    ];

    fn names_of(mut kept: Kept) -> Vec<String> {
        let (mut names, mut entry) = (Vec::new(), Entry::default());
        while kept.read(&mut entry).expect("entries") {
            names.push(entry.dn.clone());
        }
        names
    }

    #[test]
    fn entries_are_kept_and_everything_else_passes() {
        for cut in 0..=ENTRY_AND_END.len() {
            let kept = Mutex::new(Some(Kept::default()));
            let (mut passed, mut inbox) = (Vec::new(), Vec::new());
            for piece in [&ENTRY_AND_END[..cut], &ENTRY_AND_END[cut..]] {
                inbox.extend_from_slice(piece);
                let taken = sift(&inbox, &kept, &mut passed).expect("valid");
                inbox.drain(..taken);
            }
            let kept = kept.into_inner().expect("nobody panicked").expect("kept");
            assert_eq!(names_of(kept), ["o=xy"], "{cut}");
            assert_eq!(passed, ENTRY_AND_END[15..], "{cut}");
        }
    }

    #[test]
    fn entries_pass_when_nobody_keeps_them() {
        let mut passed = Vec::new();
        assert_eq!(sift(&ENTRY_AND_END, &Mutex::new(None), &mut passed), Ok(ENTRY_AND_END.len()));
        assert_eq!(passed, ENTRY_AND_END);
    }

    #[test]
    fn what_is_no_ldap_ends_the_connection() {
        for octets in [&[0x48, 1, 0][..], &[0x30, 3, 0x04, 1, 2], &[0x30, 5, 0x02, 1, 2, 0x64, 1]] {
            assert_eq!(sift(octets, &Mutex::new(Some(Kept::default())), &mut Vec::new()), Err(Malformed), "{octets:?}");
        }
    }

    #[test]
    fn what_is_no_entry_is_told_when_it_is_read() {
        // Its attributes are no SEQUENCE.
        let octets = [0x30, 13, 0x02, 1, 2, 0x64, 8, 0x04, 4, b'o', b'=', b'x', b'y', 0x31, 0];
        let kept = Mutex::new(Some(Kept::default()));
        assert_eq!(sift(&octets, &kept, &mut Vec::new()), Ok(octets.len()));
        let mut kept = kept.into_inner().expect("nobody panicked").expect("kept");
        assert_eq!(kept.read(&mut Entry::default()), Err(Malformed));
    }

    #[tokio::test]
    async fn an_end_on_one_side_is_an_end_on_the_other() {
        let (server, mut far) = tokio::io::duplex(64);
        let (library, tap) = Tap::on(server).expect("a pair of sockets");
        let mut library = UnixStream::from_std(library).expect("a socket");
        tap.keep();
        library.write_all(b"hello").await.expect("open");
        let mut heard = [0; 5];
        far.read_exact(&mut heard).await.expect("carried");
        far.write_all(&ENTRY_AND_END).await.expect("open");
        let mut end = [0; 14];
        library.read_exact(&mut end).await.expect("carried");
        assert_eq!((heard, end), (*b"hello", *ENTRY_AND_END[15..].first_chunk().expect("long enough")));
        assert_eq!(names_of(tap.kept()), ["o=xy"]);
        drop(far);
        assert_eq!(library.read(&mut end).await.expect("an end"), 0);
    }
}
