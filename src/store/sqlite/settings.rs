//! The settings that are kept, and what else concerns the store as a whole.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;

use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{SqliteStore, control};
use crate::store::{Counts, SettingStore, StoreError};

/// How long closing the store waits for reads to end.
const READERS_TIMEOUT: Duration = Duration::from_millis(50);

#[async_trait]
impl SettingStore for SqliteStore {
    async fn kept_settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        control::settings(self.reader.pool()).await
    }

    async fn store_setting(&self, name: &'static str, value: Option<String>) -> Result<(), StoreError> {
        self.writer
            .change(move |state| control::store_setting(&mut state.connection, name, value).boxed())
            .await
    }

    async fn store_ids_setting(
        &self,
        name: &'static str,
        value: String,
        link_key: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        self.writer
            .change(move |state| store_ids_setting(&mut state.connection, name, value, link_key).boxed())
            .await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        control::counts(self.reader.pool()).await.map_err(StoreError::during("count what is kept"))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        if let Some(files) = &self.files {
            files.look()?;
        }
        self.writer.probe().await
    }

    async fn close(&self) {
        // Whoever holds a reader may be waiting for this to return, and give it back only then: it is closed when it is.
        let pool = self.reader.pool();
        let readers_closed = pool.close_within(READERS_TIMEOUT).await;
        self.writer.close().await;
        // Not when the last user of the store goes: the file is free now. Not before the last reader, either: closing the handle
        // of the database would drop the locks of SQLite that keep others from what it reads.
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !readers_closed {
            let reader = Arc::clone(&self.reader);
            tokio::spawn(async move {
                reader.pool().close().await;
                drop(lock);
            });
        }
    }
}

/// Keeps the setting that ids go by, and the key that signs links, if there is another one.
async fn store_ids_setting(
    connection: &mut SqliteConnection,
    name: &'static str,
    value: String,
    link_key: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    control::store_setting(connection, name, Some(value)).await?;
    if let Some(link_key) = link_key {
        let keep = sql("keep the key of links", "UPDATE domain SET link_key = ?");
        keep.bind(&link_key[..]).execute(connection).await?;
    }
    Ok(())
}
