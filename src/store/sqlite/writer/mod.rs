//! The one writer: takes what waits, commits it in one transaction, and only then answers.
//!
//! Nothing is delayed on purpose: a lone change commits at once, and while one commit is syncing the next batch gathers. The
//! changes of a batch take effect in the order of their arrival. One that is refused has written nothing: refusals are decided before
//! the first statement that writes. One that fails is undone alone: by a savepoint, or with the transaction where no other change is in
//! it. A failed commit undoes the whole batch, and every caller is told so.

mod guards;
mod handle;
mod job;
mod queue;
mod state;
mod task;

pub(super) use guards::WriterChecks;
pub(super) use handle::{WriterHandle, start};
pub(super) use state::WriterState;
