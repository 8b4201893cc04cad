//! The answers of a batch: kept until the fate of its transaction is known.

use crate::domain::backup::Backup;
use crate::store::StoreError;
use crate::store::sqlite::queue::{Command, QUEUE_PATIENCE, Reply, Waiting};

/// Tells a caller how its command ended, once the fate of the transaction is known.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a batch has gathered besides the state of the database.
#[derive(Default)]
pub(super) struct Work {
    pub(super) answers: Vec<Answer>,
    pub(super) due_changed: bool,
}

/// Keeps a result until the transaction's fate is known; returns the error for which what the command wrote must be undone.
///
/// A refused command has written nothing: refusals are decided before the first change.
pub(super) fn finish<T: Send + 'static>(
    reply: Reply<T>,
    result: Result<T, StoreError>,
    work: &mut Work,
) -> Option<StoreError> {
    let failure = result.as_ref().err().filter(|error| !matches!(error, StoreError::Refused(_))).cloned();
    work.answers.push(answer(reply, result));
    failure
}

fn answer<T: Send + 'static>(reply: Reply<T>, result: Result<T, StoreError>) -> Answer {
    Box::new(move |committed| {
        // A caller that has gone does not want the answer.
        let _ = reply.send(committed.and(result));
    })
}

/// Keeps the answer of a command that is not carried out, because its transaction has failed already.
pub(super) fn refuse(command: Command, work: &mut Work) {
    work.answers.push(match command {
        Command::CreateBackup(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::ApplySchedule(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::ApplyChanges(_, _, reply) => answer(reply, Err(StoreError::Closed)),
        Command::DeleteBackup(_, reply)
        | Command::ChangeInstance(_, reply)
        | Command::CreateInstances(_, reply)
        | Command::KeepSetting(_, _, reply)
        | Command::KeepIds(_, _, _, reply)
        | Command::Replace(_, reply)
        | Command::CreateTemplate(_, reply)
        | Command::ChangeTemplate(_, reply)
        | Command::DeleteTemplate(_, reply)
        | Command::Probe(reply)
        | Command::Close(reply) => answer(reply, Err(StoreError::Closed)),
        Command::ChangePassword(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::CreateRestore(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::ChangeSide(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::SaveToken(_, reply) => answer(reply, Err(StoreError::Closed)),
        Command::Reset(_, reply) | Command::Seed(_, _, reply) => answer(reply, Err(StoreError::Closed)),
    });
}

/// Keeps the answers of creates until the transaction's fate is known; returns how it fares so far.
pub(super) fn answer_creates(
    created: Result<Vec<Result<Backup, StoreError>>, StoreError>,
    replies: Vec<Reply<Backup>>,
    work: &mut Work,
) -> Result<(), StoreError> {
    let (results, outcome) = match created {
        Ok(results) => (results, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let mut results = results.into_iter();
    for reply in replies {
        // Without a result the outcome is an error, and that is what the answer will be.
        let result = results.next().unwrap_or(Err(StoreError::Closed));
        work.due_changed |= matches!(&result, Ok(backup) if backup.status.open_plan().is_some());
        work.answers.push(answer(reply, result));
    }
    outcome
}

/// Refuses all commands of a batch, for the same reason.
pub(super) fn refuse_all(batch: Vec<Waiting>, error: &StoreError) {
    let mut refused = Work::default();
    for waiting in batch {
        refuse(waiting.command, &mut refused);
    }
    for answer in refused.answers {
        answer(Err(error.clone()));
    }
}

/// Refuses those commands of a batch whose callers have waited for too long; returns the others.
pub(super) fn refuse_late(mut batch: Vec<Waiting>, tries: u32) -> Vec<Waiting> {
    let mut late = Work::default();
    for waiting in batch.extract_if(.., |waiting| waiting.since.elapsed() >= QUEUE_PATIENCE) {
        refuse(waiting.command, &mut late);
    }
    if !late.answers.is_empty() {
        let commands = late.answers.len();
        tracing::warn!(commands, tries, "changes were refused: another process keeps the database locked");
    }
    for answer in late.answers {
        answer(Err(StoreError::Busy));
    }
    batch
}
