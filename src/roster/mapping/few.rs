//! The values that a rule gives: mostly one, which needs no list.

use std::ops::Deref;
use std::slice;

/// Values of which there is mostly one.
pub(super) enum Few<T> {
    One(T),
    List(Vec<T>),
}

impl<T> Few<T> {
    /// Changes each value.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Few<U> {
        match self {
            Self::One(one) => Few::One(change(one)),
            Self::List(list) => Few::List(list.into_iter().map(change).collect()),
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::List(list) => list,
        }
    }
}
