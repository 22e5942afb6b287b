//! A connection on which nothing can be slipped in before encryption begins.
//!
//! Who sits on the way can send replies right behind the server's answer to STARTTLS. A client that has read them
//! already takes them, after the handshake, for replies that came encrypted: it would believe that letters were taken
//! which nobody took. The server waits for the handshake at that point, so any byte more is an attack or a defect.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

/// A TCP connection that breaks when the answer to STARTTLS brings more than itself.
#[derive(Debug)]
pub(super) struct Guarded {
    tcp: TcpStream,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before STARTTLS.
    Clear,
    /// STARTTLS was sent; this much of the answer's last line has been read.
    Answer(Vec<u8>),
    /// The answer was read in full.
    Answered,
}

impl Guarded {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, state: State::Clear }
    }
}

/// Reads on in the answer to STARTTLS, and returns whether it is at its end. Bytes behind that are an error.
fn answered(line: &mut Vec<u8>, read: &[u8]) -> io::Result<bool> {
    let mut rest = read.iter();
    for byte in rest.by_ref() {
        line.push(*byte);
        if *byte != b'\n' {
            continue;
        }
        // `220-` goes on in another line (RFC 5321 section 4.2.1).
        let goes_on = line.get(3) == Some(&b'-');
        line.clear();
        if goes_on {
            continue;
        }
        return if rest.next().is_none() {
            Ok(true)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "data was slipped in before encryption began"))
        };
    }
    Ok(false)
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.tcp).poll_read(cx, buf))?;
        if let State::Answer(line) = &mut this.state
            && answered(line, &buf.filled()[before..])?
        {
            this.state = State::Answered;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // A command is written in one piece, and before any secret could be: nothing else looks like this one.
        if matches!(this.state, State::Clear) && bytes == b"STARTTLS\r\n" {
            this.state = State::Answer(Vec::new());
        }
        Pin::new(&mut this.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Guarded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds an answer in pieces; `None` is an error.
    fn feed(pieces: &[&str]) -> Option<bool> {
        let mut line = Vec::new();
        let mut end = false;
        for piece in pieces {
            end = answered(&mut line, piece.as_bytes()).ok()?;
        }
        Some(end)
    }

    #[test]
    fn one_answer_and_nothing_more() {
        for (pieces, expected) in [
            (&["220 go\r\n"][..], Some(true)),
            (&["22", "0 go\r", "\n"], Some(true)),
            (&["220-ready\r\n220 go\r\n"], Some(true)),
            (&["220-ready\r\n", "220 go"], Some(false)),
            (&["220 go\r\n250 evil\r\n"], None),
            (&["220 ", "go\r\n2"], None),
            (&["220-ready\r\n220 go\r\n250 evil\r\n"], None),
        ] {
            assert_eq!(feed(pieces), expected, "{pieces:?}");
        }
    }
}
