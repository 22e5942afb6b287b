//! Numbers that a target gives out, to accounts and groups of POSIX systems (RFC 2307).
//!
//! A number is never given out twice, though its holder may be gone: files may still belong to it. So the highest one
//! ever given out is remembered, by whoever outlives the program.

use std::ops::RangeInclusive;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

/// The highest numbers ever given out; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Highest {
    /// To accounts.
    pub uid: u32,
    /// To groups.
    pub gid: u32,
}

/// Numbers to be given out.
#[derive(Debug, Default)]
pub struct Numbers {
    uid: AtomicU32,
    gid: AtomicU32,
}

/// Whom a number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account.
    Uid,
    /// A group.
    Gid,
}

impl Numbers {
    /// Returns the highest ones so far.
    pub fn highest(&self) -> Highest {
        Highest { uid: self.uid.load(Ordering::Relaxed), gid: self.gid.load(Ordering::Relaxed) }
    }

    /// Remembers that numbers up to these were given out.
    pub fn never_again(&self, highest: Highest) {
        self.uid.fetch_max(highest.uid, Ordering::Relaxed);
        self.gid.fetch_max(highest.gid, Ordering::Relaxed);
    }

    /// Takes the next number of `range`; `None` when there is none left.
    pub fn take(&self, kind: Kind, range: &RangeInclusive<u32>) -> Option<u32> {
        let next = |highest: u32| {
            let next = highest.checked_add(1)?.max(*range.start());
            range.contains(&next).then_some(next)
        };
        let of_kind = match kind {
            Kind::Uid => &self.uid,
            Kind::Gid => &self.gid,
        };
        of_kind.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().and_then(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_given_out_once() {
        let numbers = Numbers::default();
        let take = || numbers.take(Kind::Uid, &(10..=13));
        assert_eq!((take(), take()), (Some(10), Some(11)));
        numbers.never_again(Highest { uid: 12, gid: 99 });
        numbers.never_again(Highest { uid: 5, gid: 0 });
        assert_eq!((take(), take()), (Some(13), None));
        assert_eq!(numbers.highest(), Highest { uid: 13, gid: 99 });
        assert_eq!(numbers.take(Kind::Gid, &(10..=13)), None, "99 was given out, so no lower one is ever again");
        assert_eq!(numbers.take(Kind::Gid, &(10..=u32::MAX)), Some(100));
    }
}
