//! Replication: when links between replicas and their masters were made again, after one was cut or a node at its end had stopped.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::sqlite::sql::sql;

/// Has links begin anew, those of replicas; or all links of the instance, for `EVERY_NODE`.
pub(super) async fn renew(
    connection: &mut SqliteConnection,
    instance_key: i64,
    replicas: &[Uuid],
    at: Timestamp,
) -> Result<(), StoreError> {
    for replica in replicas {
        let renew = sql(
            "begin a link anew",
            "INSERT INTO node_sessions (instance_key, node_id, renewals, renewed_at) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (instance_key, node_id) DO UPDATE SET renewals = renewals + 1, renewed_at = ?3",
        );
        renew.bind(instance_key).bind(replica.as_bytes().to_vec()).bind(at).execute(&mut *connection).await?;
    }
    Ok(())
}
