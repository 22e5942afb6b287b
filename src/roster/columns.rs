//! What the columns of a roster mean.
