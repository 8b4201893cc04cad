//! Orders that were placed: carried out by what becomes of their instances, and seeded; and for which time instances are paid.

use sqlx::SqliteConnection;

use crate::domain::order::{Order, OrderStatus, Subscription};
use crate::store::StoreError;
use crate::store::sqlite::documents;
use crate::store::sqlite::sql::sql;

/// Adds an order. What takes no time is done already.
pub(super) async fn place(
    connection: &mut SqliteConnection,
    project_key: i64,
    order: &Order,
) -> Result<(), StoreError> {
    let place =
        sql("place an order", "INSERT INTO orders (order_id, project_key, document) VALUES (?, ?, ?)");
    place.bind(order.id.as_str()).bind(project_key).bind_json(order).execute(&mut *connection).await?;
    end_if_done(connection, order.clone(), false).await
}

/// Keeps for which time an instance is paid.
pub(super) async fn keep_subscription(
    connection: &mut SqliteConnection,
    instance_key: i64,
    subscription: &Subscription,
) -> Result<(), StoreError> {
    let keep = "UPDATE instances SET subscription = ? WHERE instance_key = ?";
    let keep = sql("keep a subscription", keep).bind_json(subscription).bind(instance_key);
    keep.execute(connection).await.map(drop)
}

/// Ends the orders of an instance that are carried out, if they are by now: a step of the instance has ended, and may have failed.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    instance_key: i64,
    failed: bool,
) -> Result<(), StoreError> {
    let find = sql(
        "find the orders of an instance",
        "SELECT o.document FROM instances i JOIN orders o ON o.project_key = i.project_key AND o.document ->> 'status' = 'processing'
         WHERE i.instance_key = ? AND i.charging_mode = 1
           AND EXISTS (SELECT 1 FROM json_each(o.document, '$.resources') r WHERE unhex(r.value, '-') = i.instance_id)",
    );
    for (document,) in find.bind(instance_key).all::<(String,)>(&mut *connection).await? {
        end_if_done(connection, documents::read(&document)?, failed).await?;
    }
    Ok(())
}

/// Ends an order that is carried out if it has failed, or none of its instances is still on its way.
pub(super) async fn end_if_done(
    connection: &mut SqliteConnection,
    order: Order,
    failed: bool,
) -> Result<(), StoreError> {
    if order.status != OrderStatus::Processing {
        return Ok(());
    }
    let find = sql(
        "look how far an order is",
        "SELECT count(*) FROM orders o, json_each(o.document, '$.resources') r JOIN instances i ON i.instance_id = unhex(r.value, '-')
         WHERE o.order_id = ? AND i.deleted_at IS NULL
           AND (i.status IN ('CREATING', 'EXTENDING') OR i.instance_key IN (SELECT instance_key FROM waiting_changes WHERE capacity_gb IS NOT NULL))",
    );
    let (on_their_way,) = find.bind(order.id.as_str()).one::<(i64,)>(&mut *connection).await?;
    let status = match (failed, on_their_way) {
        (true, _) => OrderStatus::Cancelled,
        (false, 0) => OrderStatus::Done,
        (false, _) => return Ok(()),
    };
    write(connection, &Order { status, ..order }).await
}

/// Adds the orders of a project that a seed says; those that are there are written anew if it is to `overwrite`. Returns the ids of
/// those that are there and stay, but differ.
pub(super) async fn seed(
    connection: &mut SqliteConnection,
    project_key: i64,
    orders: &[Order],
    overwrite: bool,
) -> Result<Vec<String>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(&str, &Order)> = orders.iter().map(|order| (order.id.as_str(), order)).collect();
    let find = sql(
        "find orders that differ",
        "SELECT order_id FROM json_each(?2) CROSS JOIN orders ON order_id = value ->> 0
         WHERE NOT ?3 AND (project_key <> ?1 OR document <> value ->> 1)",
    );
    let find = find.bind(project_key).bind_json(&rows).bind(overwrite);
    let differing = find.values(&mut *connection).await?;
    let insert = sql(
        "seed orders",
        "INSERT INTO orders (order_id, project_key, document)
         SELECT value ->> 0, ?1, value ->> 1 FROM json_each(?2) WHERE true
         ON CONFLICT DO UPDATE SET project_key = excluded.project_key, document = excluded.document WHERE ?3",
    );
    insert.bind(project_key).bind_json(&rows).bind(overwrite).execute(connection).await?;
    Ok(differing)
}

/// Removes the orders that are about none but instances that a seed replaces; `ids` are theirs, as a JSON array in hexadecimal.
pub(super) async fn remove_of_instances(
    connection: &mut SqliteConnection,
    ids: &str,
) -> Result<(), StoreError> {
    let remove = sql(
        "remove the orders of instances",
        "WITH gone (id) AS (SELECT unhex(value) FROM json_each(?))
         DELETE FROM orders
         WHERE project_key IN (SELECT project_key FROM gone JOIN instances ON instance_id = id)
           AND NOT EXISTS (SELECT 1 FROM json_each(document, '$.resources') r WHERE unhex(r.value, '-') NOT IN (SELECT id FROM gone))",
    );
    remove.bind(ids).execute(connection).await.map(drop)
}

/// An order as an export shows it, from `orders o`. Sizes that are planned or wait for a window of maintenance are not exported, and
/// nothing else would carry out the order of one.
pub(super) const EXPORTED_ORDER: &str = "
    iif(o.document ->> 'status' = 'processing' AND o.document ->> 'kind' = 'change' AND EXISTS (
            SELECT 1 FROM json_each(o.document, '$.resources') r JOIN instances i ON i.instance_id = unhex(r.value, '-')
            WHERE i.instance_key IN (SELECT instance_key FROM waiting_changes WHERE capacity_gb IS NOT NULL)
               OR i.instance_key IN (SELECT instance_key FROM planned_sizes)),
        json_set(o.document, '$.status', 'cancelled'), o.document)";

/// Writes an order anew.
pub(super) async fn write(connection: &mut SqliteConnection, order: &Order) -> Result<(), StoreError> {
    let write = sql("change an order", "UPDATE orders SET document = ? WHERE order_id = ?");
    write.bind_json(order).bind(order.id.as_str()).execute(connection).await.map(drop)
}

/// Returns for which time an instance is paid; none if nothing is kept of that.
pub(super) async fn subscription(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<Option<Subscription>, StoreError> {
    let find = "SELECT subscription FROM instances WHERE instance_key = ?";
    let find = sql("read a subscription", find).bind(instance_key);
    let (kept,): (Option<String>,) = find.one(connection).await?;
    kept.as_deref().map(documents::read).transpose()
}
