//! What replaces everything has a transaction of its own, in its turn.

use crate::store::sqlite::queue::{Command, Reply, Waiting};
use crate::store::sqlite::snapshots::replacing::{self, Replacement};
use crate::store::sqlite::writer::Writer;

impl Writer {
    /// Carries out a batch: in one transaction, or in several, if something in it replaces everything. What came before that is
    /// done before, and what came after, after.
    pub(super) async fn commit_in_turn(&mut self, mut batch: Vec<Waiting>) {
        while let Some(position) = batch.iter().position(|waiting| waiting.command.replaces_everything()) {
            let later = batch.split_off(position + 1);
            let replacing = batch.pop();
            self.commit(batch).await;
            if let Some(Waiting { command: Command::Replace(replacement, reply), .. }) = replacing {
                self.replace(*replacement, reply).await;
            }
            batch = later;
        }
        self.commit(batch).await;
    }

    /// Puts a snapshot in the place of everything, and forgets what was known before.
    async fn replace(&mut self, replacement: Replacement, reply: Reply<()>) {
        let _turn = self.guards.access.write().await;
        let replaced = match self.guards.look() {
            Ok(()) => replacing::replace(replacement).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &replaced {
            tracing::error!(error = %error, source = ?std::error::Error::source(error), "a snapshot was not brought back");
        }
        self.state.forget();
        self.publish_next_due().await;
        // The caller may have gone; then nobody asks.
        let _ = reply.send(replaced);
    }
}
