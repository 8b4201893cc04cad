//! Tables of JSON documents: records of an instance or of a project, each with an id, in the order of their creation.
//!
//! A table of them has the key of its owner, `number` (from 1, given once), `id` and `document`. What must hold of a document is a rule of
//! the domain, and again a `CHECK` of its table.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::id::Identifier;
use crate::store::StoreError;
use crate::store::sqlite::sql::sql;

/// A record that is stored as a document.
pub(super) trait Document: Serialize + DeserializeOwned {
    /// Its id.
    type Id: Identifier;
    /// The table.
    const TABLE: &'static str;
    /// The column with the key of its owner: `instance_key` or `project_key`.
    const OWNER: &'static str = "instance_key";

    /// Returns its id.
    fn id(&self) -> Self::Id;
}

/// Reads a document.
pub(super) fn read<D: DeserializeOwned>(document: &str) -> Result<D, StoreError> {
    serde_json::from_str(document).map_err(|error| {
        tracing::error!(error = %error, "a document is malformed");
        StoreError::Inconsistent { what: "a document is malformed" }
    })
}

/// Adds a document of an owner.
pub(super) async fn insert<D: Document>(
    connection: &mut SqliteConnection,
    owner_key: i64,
    document: &D,
) -> Result<(), StoreError> {
    let (table, owner) = (D::TABLE, D::OWNER);
    let statement = format!(
        "INSERT INTO {table} ({owner}, number, id, document)
         SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3 FROM {table} WHERE {owner} = ?1"
    );
    let insert = sql("add a document", statement).bind(owner_key).bind(document.id().as_bytes().to_vec());
    insert.bind_json(document).execute(connection).await.map(drop)
}

/// Writes a document anew.
pub(super) async fn update<D: Document>(
    connection: &mut SqliteConnection,
    document: &D,
) -> Result<(), StoreError> {
    let update = sql("change a document", format!("UPDATE {} SET document = ?1 WHERE id = ?2", D::TABLE));
    update.bind_json(document).bind(document.id().as_bytes().to_vec()).execute(connection).await.map(drop)
}

/// Removes a document; returns whether it was there.
pub(super) async fn remove<D: Document>(
    connection: &mut SqliteConnection,
    owner_key: i64,
    id: D::Id,
) -> Result<bool, StoreError> {
    let statement = format!("DELETE FROM {} WHERE {} = ? AND id = ?", D::TABLE, D::OWNER);
    let remove = sql("remove a document", statement);
    Ok(remove.bind(owner_key).bind(id.as_bytes().to_vec()).execute(connection).await? > 0)
}

/// Returns a document of an owner.
pub(super) async fn get<D: Document>(
    database: impl SqliteExecutor<'_>,
    owner_key: i64,
    id: D::Id,
) -> Result<Option<D>, StoreError> {
    let statement = format!("SELECT document FROM {} WHERE {} = ? AND id = ?", D::TABLE, D::OWNER);
    let found = sql("read a document", statement).bind(owner_key).bind(id.as_bytes().to_vec());
    found.optional::<(String,)>(database).await?.map(|(document,)| read(&document)).transpose()
}

/// Returns the documents of an owner, in the order of their creation.
pub(super) async fn all<D: Document>(
    database: impl SqliteExecutor<'_>,
    owner_key: i64,
) -> Result<Vec<D>, StoreError> {
    let statement = format!("SELECT document FROM {} WHERE {} = ? ORDER BY number", D::TABLE, D::OWNER);
    let found = sql("list documents", statement).bind(owner_key).all::<(String,)>(database).await?;
    found.iter().map(|(document,)| read(document)).collect()
}
