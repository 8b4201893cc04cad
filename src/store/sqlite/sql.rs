//! A statement with its values and what it is for: so that whatever fails says what was tried.

use std::borrow::Cow;

use serde::Serialize;
use sqlx::sqlite::{SqliteArguments, SqliteExecutor, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Decode, Encode, FromRow, Sqlite, Type};

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

    /// Returns its rows, to be read by name.
    pub(super) async fn rows(self, database: impl SqliteExecutor<'_>) -> Result<Vec<SqliteRow>, StoreError> {
        let failed = StoreError::during(self.operation);
        if let Some(failure) = self.failure {
            return Err(failed(failure));
        }
        let query = sqlx::query_with(AssertSqlSafe(self.text.into_owned()), self.arguments);
        query.fetch_all(database).await.map_err(failed)
    }

    /// Returns its row, to be read by name, if there is one.
    pub(super) async fn row(
        self,
        database: impl SqliteExecutor<'_>,
    ) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.rows(database).await?.pop())
    }

    /// Returns its rows.
    pub(super) async fn all<T>(self, database: impl SqliteExecutor<'_>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let failed = StoreError::during(self.operation);
        self.rows(database).await?.iter().map(T::from_row).collect::<Result<_, _>>().map_err(failed)
    }

    /// Returns its row, if there is one.
    pub(super) async fn optional<T>(self, database: impl SqliteExecutor<'_>) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        Ok(self.all(database).await?.pop())
    }

    /// Returns its only row.
    pub(super) async fn one<T>(self, database: impl SqliteExecutor<'_>) -> Result<T, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let failed = StoreError::during(self.operation);
        self.optional(database).await?.ok_or_else(|| failed(sqlx::Error::RowNotFound))
    }

    /// Returns the values of its only column.
    pub(super) async fn values<T>(self, database: impl SqliteExecutor<'_>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        Ok(self.all::<(T,)>(database).await?.into_iter().map(|(value,)| value).collect())
    }

    /// Returns its only value, if there is one.
    pub(super) async fn optional_value<T>(
        self,
        database: impl SqliteExecutor<'_>,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        Ok(self.values(database).await?.pop())
    }

    /// Returns its only value.
    pub(super) async fn value<T>(self, database: impl SqliteExecutor<'_>) -> Result<T, StoreError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        Ok(self.one::<(T,)>(database).await?.0)
    }
}

/// Reads a row.
pub(super) fn decode<T: for<'r> FromRow<'r, SqliteRow>>(row: &SqliteRow) -> Result<T, StoreError> {
    T::from_row(row).map_err(StoreError::during("read a row"))
}
