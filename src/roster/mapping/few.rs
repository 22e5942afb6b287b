//! The values that a rule gives: mostly one, which needs no list.

use std::ops::Deref;

/// Values of which there is mostly one.
pub(super) enum Few<T> {
    One([T; 1]),
    List(Vec<T>),
}

impl<T> Few<T> {
    /// Changes each value.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Few<U> {
        match self {
            Self::One(one) => Few::One(one.map(change)),
            Self::List(list) => Few::List(list.into_iter().map(change).collect()),
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => one,
            Self::List(list) => list,
        }
    }
}
