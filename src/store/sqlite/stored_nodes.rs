//! What is kept of the nodes of instances.

use sqlx::SqliteConnection;

use crate::domain::instance::StoredNode;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::sqlite::sql::sql;

/// Writes what is kept of the nodes of an instance, in place of what was.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    nodes: &[StoredNode],
) -> Result<(), StoreError> {
    sql("forget what is kept of nodes", "DELETE FROM nodes WHERE instance_key = ?")
        .bind(instance_key)
        .execute(&mut *connection)
        .await?;
    let row = |node: &StoredNode| {
        let since = node.role_since.map(Timestamp::as_millis);
        (node.shard, node.copy, node.place, since, node.weight, u8::from(node.is_address_removed))
    };
    let insert = sql(
        "keep nodes",
        "INSERT INTO nodes (instance_key, shard, copy, place, role_since, weight, address_removed)
         SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)",
    );
    let rows: Vec<_> = nodes.iter().map(row).collect();
    insert.bind(instance_key).bind_json(&rows).execute(connection).await.map(drop)
}

/// Forgets what is kept of nodes whose places were removed.
pub(super) async fn forget_removed(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<(), StoreError> {
    let forget = sql(
        "forget nodes that are gone",
        "DELETE FROM nodes WHERE instance_key = ?1 AND (shard, place) IN
             (SELECT shard, copy FROM replica_changes WHERE instance_key = ?1 AND course = 'removed')",
    );
    forget.bind(instance_key).execute(connection).await.map(drop)
}
