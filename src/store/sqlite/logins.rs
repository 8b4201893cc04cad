//! The end of logins to the web CLI, which a change of their password brings.

use sqlx::SqliteConnection;

use crate::domain::id::AccountId;
use crate::store::StoreError;
use crate::store::sqlite::sql::sql;

/// Logs all clients out that came as an account; as the default one, without an id.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    instance_key: i64,
    account: Option<AccountId>,
) -> Result<(), StoreError> {
    let forget =
        sql("forget logins", "DELETE FROM web_cli_logins WHERE instance_key = ? AND account_id IS ?");
    forget.bind(instance_key).bind(account).execute(connection).await.map(drop)
}
