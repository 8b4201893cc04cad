//! A change of the database as the writer takes it: work in its transaction, and a caller who waits for the result.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::store::StoreError;
use crate::store::sqlite::writer::state::WriterState;

/// Where the result of a change goes.
pub(in crate::store::sqlite) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Tells a caller how its change ended, once the fate of the transaction is known.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A change of the database, whatever its result.
pub(super) trait Job: Send {
    /// Makes the change.
    fn run(self: Box<Self>, state: &mut WriterState) -> BoxFuture<'_, Done>;

    /// Returns the answer to a change that is not made, because its transaction has failed.
    fn into_abort_reply(self: Box<Self>) -> Answer;
}

/// The end of a job.
pub(super) struct Done {
    pub(super) answer: Answer,
    /// Why all that the job wrote is undone. A refused job has written nothing: refusals are decided before the first change.
    pub(super) failure: Option<StoreError>,
}

/// A job made of a function of the writer's state.
pub(super) struct Change<T, W> {
    pub(super) work: W,
    pub(super) reply: Reply<T>,
}

impl<T, W> Job for Change<T, W>
where
    T: Send + 'static,
    W: for<'w> FnOnce(&'w mut WriterState) -> BoxFuture<'w, Result<T, StoreError>> + Send,
{
    fn run(self: Box<Self>, state: &mut WriterState) -> BoxFuture<'_, Done> {
        let Self { work, reply } = *self;
        work(state)
            .map(move |result| {
                let failure =
                    result.as_ref().err().filter(|error| !matches!(error, StoreError::Refused(_))).cloned();
                Done { answer: answer(reply, result), failure }
            })
            .boxed()
    }

    fn into_abort_reply(self: Box<Self>) -> Answer {
        answer(self.reply, Err(StoreError::Closed))
    }
}

/// Holds a result back until the fate of the transaction is known.
pub(super) fn answer<T: Send + 'static>(reply: Reply<T>, result: Result<T, StoreError>) -> Answer {
    Box::new(move |committed| {
        // A caller that has gone does not want the answer.
        let _ = reply.send(committed.and(result));
    })
}
