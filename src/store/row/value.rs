//! Values of the domain as SQLite has them: ids are 16 bytes, times milliseconds, words text.

use serde::de::DeserializeOwned;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Sqlite, Type};

use crate::domain::background_work::Occupation;
use crate::domain::catalogue::{Edition, Storage};
use crate::domain::id::{
    AccountId, AnalysisId, BackupId, DiagnosisId, DomainId, InstanceId, JobId, MigrationId,
    ParameterChangeId, ProjectId, RequestId, RestoreId, RunLogId, TaskId, TemplateId, UserId,
};
use crate::domain::identity::{Role, Secret};
use crate::domain::instance::{CacheMode, Engine, InstanceStatus};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::row::{failure_code, failure_number};

macro_rules! stored {
    ($($name:ty: $column:ty, $write:expr, $read:expr;)*) => {$(
        impl Type<Sqlite> for $name {
            fn type_info() -> SqliteTypeInfo {
                <$column as Type<Sqlite>>::type_info()
            }
        }

        impl Encode<'_, Sqlite> for $name {
            fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
                let write: fn(&Self) -> $column = $write;
                <$column as Encode<Sqlite>>::encode(write(self), buffer)
            }
        }

        impl<'r> Decode<'r, Sqlite> for $name {
            fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn($column) -> Result<Self, BoxDynError> = $read;
                read(<$column as Decode<Sqlite>>::decode(value)?)
            }
        }
    )*};
}

macro_rules! stored_ids {
    ($($name:ident),*) => {stored! {$(
        $name: Vec<u8>, |id| id.as_bytes().to_vec(), |bytes| Ok(Self::from_bytes(bytes.as_slice().try_into()?));
    )*}};
}

macro_rules! stored_words {
    ($($name:ident),*) => {stored! {$(
        $name: String, |value| value.as_str().to_owned(), |word| Ok(word.parse()?);
    )*}};
}

stored_ids! {
    AccountId, AnalysisId, BackupId, DiagnosisId, DomainId, InstanceId, JobId, MigrationId, ParameterChangeId, ProjectId,
    RequestId, RestoreId, RunLogId, TaskId, TemplateId, UserId
}

stored_words! { CacheMode, Edition, Engine, InstanceStatus, Occupation, Storage }

stored! {
    Timestamp: i64, |time| time.as_millis(), |millis| Ok(Self::from_millis(millis)?);
    FailureCode: i64, |code| failure_number(*code), |number| Ok(failure_code(number)?);
    Secret: String, |secret| secret.expose().to_owned(), |text| Ok(Self::new(text));
    Role: String, |role| role.as_str().to_owned(), |word| Self::parse(&word).ok_or_else(|| "no such role".into());
}

/// A column that holds a value as JSON.
pub(in crate::store) struct Json<T>(pub(in crate::store) T);

impl<T> Type<Sqlite> for Json<T> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl<'r, T: DeserializeOwned> Decode<'r, Sqlite> for Json<T> {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(serde_json::from_str(<&str as Decode<Sqlite>>::decode(value)?)?))
    }
}
