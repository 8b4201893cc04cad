//! Values of the domain as SQLite has them: ids are 16 bytes, times milliseconds.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Sqlite, Type};

use crate::domain::id::{
    AccountId, AnalysisId, BackupId, DiagnosisId, InstanceId, JobId, MigrationId, ProjectId, RunLogId, TaskId,
};
use crate::domain::time::Timestamp;

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

stored_ids! {
    AccountId, AnalysisId, BackupId, DiagnosisId, InstanceId, JobId, MigrationId, ProjectId, RunLogId, TaskId
}

stored! {
    Timestamp: i64, |time| time.as_millis(), |millis| Ok(Self::from_millis(millis)?);
}
