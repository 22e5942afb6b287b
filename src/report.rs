//! What people and programs are shown of a plan, and of what came of it.

pub mod cell;
pub mod names;
pub mod place;
pub mod visible;
