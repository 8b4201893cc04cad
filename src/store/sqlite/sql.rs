//! A statement with its values and what it is for: so that whatever fails says what was tried.

use std::borrow::Cow;

use serde::Serialize;
use sqlx::sqlite::{SqliteArguments, SqliteExecutor, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Sqlite, Type};

use crate::store::StoreError;

/// A statement that is about to run.
pub(super) struct Statement {
    operation: &'static str,
    text: Cow<'static, str>,
    arguments: SqliteArguments,
    failure: Option<sqlx::Error>,
}

/// Returns a statement for an operation, which its error names. Texts are made of constants; whatever comes from outside is a value.
pub(super) fn sql(operation: &'static str, text: impl Into<Cow<'static, str>>) -> Statement {
    Statement { operation, text: text.into(), arguments: SqliteArguments::default(), failure: None }
}

impl Statement {
    /// Gives the value of the next placeholder.
    pub(super) fn bind<'v>(mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        if let Err(error) = self.arguments.add(value) {
            self.failure = Some(sqlx::Error::Encode(error));
        }
        self
    }

    /// Gives a value as JSON text.
    pub(super) fn bind_json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => self.bind(text),
            Err(error) => {
                self.failure = Some(sqlx::Error::Encode(Box::new(error)));
                self
            }
        }
    }

    /// Runs it and returns how many rows it changed.
    pub(super) async fn execute(self, database: impl SqliteExecutor<'_>) -> Result<u64, StoreError> {
        let failed = StoreError::during(self.operation);
        if let Some(failure) = self.failure {
            return Err(failed(failure));
        }
        let query = sqlx::query_with(AssertSqlSafe(self.text.into_owned()), self.arguments);
        Ok(query.execute(database).await.map_err(failed)?.rows_affected())
    }

    /// Returns its row, if there is one.
    pub(super) async fn optional<T>(self, database: impl SqliteExecutor<'_>) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let failed = StoreError::during(self.operation);
        if let Some(failure) = self.failure {
            return Err(failed(failure));
        }
        let query = sqlx::query_as_with(AssertSqlSafe(self.text.into_owned()), self.arguments);
        query.fetch_optional(database).await.map_err(failed)
    }

    /// Returns its only row.
    pub(super) async fn one<T>(self, database: impl SqliteExecutor<'_>) -> Result<T, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let failed = StoreError::during(self.operation);
        self.optional(database).await?.ok_or_else(|| failed(sqlx::Error::RowNotFound))
    }

    /// Returns its rows.
    pub(super) async fn all<T>(self, database: impl SqliteExecutor<'_>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let failed = StoreError::during(self.operation);
        if let Some(failure) = self.failure {
            return Err(failed(failure));
        }
        let query = sqlx::query_as_with(AssertSqlSafe(self.text.into_owned()), self.arguments);
        query.fetch_all(database).await.map_err(failed)
    }
}
