//! Orders: shown and paid, and instances whose subscription ends or is renewed.

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Instance, InstanceAction};
use crate::domain::order::{Order, OrderKind, OrderStatus, Resource, Subscription};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::row::{INSTANCE_COLUMNS, record_kind};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::placed_orders::{end_if_done, keep_subscription, place, subscription, write};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, documents, instances, migrations};
use crate::store::{
    InstanceRef, OrderReads, OrderWrites, PayOrder, ResourceFilter, StoreError, SwitchRenewal, Unsubscribe,
};

#[async_trait]
impl OrderReads for SqliteStore {
    async fn order(&self, order_id: &str) -> Result<Option<(ProjectId, Order)>, StoreError> {
        let pool = self.reader.pool();
        let find = sql(
            "read an order",
            "SELECT p.project_id, o.document FROM orders o JOIN projects p USING (project_key) WHERE o.order_id = ?",
        );
        let found = find.bind(order_id).optional::<(ProjectId, String)>(pool).await?;
        if let Some((project_id, document)) = found {
            return Ok(Some((project_id, documents::read(&document)?)));
        }
        // A seed names orders of which nothing else is known: they are done.
        let find = sql(
            "read the instance of an order",
            "SELECT p.project_id, i.instance_id, i.created_at FROM instances i JOIN projects p USING (project_key)
             WHERE i.order_id = ? AND i.charging_mode = 1 AND i.deleted_at IS NULL ORDER BY i.instance_key",
        );
        let found = find.bind(order_id).all::<(ProjectId, InstanceId, Timestamp)>(pool).await?;
        let Some((project_id, _, created_at)) = found.first().copied() else { return Ok(None) };
        let resources = found.iter().map(|(_, id, _)| *id).collect();
        let order = Order::paid(order_id.to_owned(), OrderKind::Purchase, resources, created_at);
        Ok(Some((project_id, Order { status: OrderStatus::Done, ..order })))
    }

    async fn resources(&self, filter: ResourceFilter) -> Result<Vec<Resource>, StoreError> {
        let ids = filter.ids.map(|ids| ids.iter().map(|id| hex::encode(id.as_bytes())).collect::<Vec<_>>());
        let statement = format!(
            "SELECT {INSTANCE_COLUMNS}, i.subscription FROM instances i JOIN projects p USING (project_key)
             WHERE i.charging_mode = 1 AND i.deleted_at IS NULL
               AND (?1 IS NULL OR i.order_id = ?1
                    OR EXISTS (SELECT 1 FROM orders o, json_each(o.document, '$.resources') r
                               WHERE o.order_id = ?1 AND unhex(r.value, '-') = i.instance_id))
               AND (?2 IS NULL OR i.instance_id IN (SELECT unhex(value) FROM json_each(?2)))
             ORDER BY i.created_at, i.instance_id"
        );
        let list = sql("list what is paid for in advance", statement).bind(filter.order_id);
        let list = match ids {
            Some(ids) => list.bind_json(&ids),
            None => list.bind(None::<String>),
        };
        let resource = |(instance, kept): (Instance, Option<String>)| {
            let subscription = match kept {
                Some(document) => documents::read(&document)?,
                None => Subscription::of(&instance),
            };
            Ok(Resource { instance, subscription })
        };
        list.all(self.reader.pool()).await?.into_iter().map(resource).collect()
    }
}

#[async_trait]
impl OrderWrites for SqliteStore {
    async fn pay_order(&self, command: PayOrder) -> Result<(), StoreError> {
        self.writer.change(|state| pay(state, command).boxed()).await
    }

    async fn unsubscribe(&self, command: Unsubscribe) -> Result<(), StoreError> {
        self.writer.change(|state| unsubscribe(state, command).boxed()).await
    }

    async fn switch_renewal(&self, command: SwitchRenewal) -> Result<(), StoreError> {
        self.writer.change(|state| switch_renewal(state, command).boxed()).await
    }
}

/// Pays an order: the way of its instances, which wait for that, is planned from now on, or its instance changes.
async fn pay(state: &mut WriterState, command: PayOrder) -> Result<(), StoreError> {
    let PayOrder { project_id, order_id, work, change, now, origin } = command;
    let find = sql(
        "read an order",
        "SELECT o.document FROM orders o JOIN projects p USING (project_key) WHERE o.order_id = ? AND p.project_id = ?",
    );
    let find = find.bind(order_id.as_str()).bind(project_id);
    let found = find.optional::<(String,)>(&mut state.connection).await?;
    let (document,) = found.ok_or(Refusal::OrderNotFound)?;
    let mut order: Order = documents::read(&document)?;
    order.pay(now)?;
    if let Some(change) = change {
        instances::change(state, change).await?;
        write(&mut state.connection, &order).await?;
        return end_if_done(&mut state.connection, order, false).await;
    }
    write(&mut state.connection, &order).await?;
    for (instance_id, work) in work {
        let instance = InstanceRef { project_id, instance_id };
        let Change { connection, known, audit } =
            match change::of_instance(state, instance, now, &origin).await {
                Ok(change) => change,
                // It is gone meanwhile.
                Err(StoreError::Refused(_)) => continue,
                Err(error) => return Err(error),
            };
        let plan = WorkPlan::new(now, work);
        let begin = sql(
            "begin to make an instance",
            "UPDATE open_work SET start_at = ?1, finish_at = ?2, due_at = ?2
             WHERE instance_key = ?3 AND record_kind = ?4 AND due_at IS NULL",
        );
        let begin = begin.bind(plan.start_at()).bind(plan.finish_at()).bind(known.key);
        begin.bind(record_kind::INSTANCE).execute(&mut *connection).await?;
        if let Some(subscription) = subscription(connection, known.key).await? {
            keep_subscription(connection, known.key, &subscription.paid(now)).await?;
        }
        instances::note(connection, known.key, known.state.status, "order paid", audit).await?;
    }
    end_if_done(&mut state.connection, order, false).await
}

/// Ends subscriptions; first all instances are looked at, so that none or all are ended.
async fn unsubscribe(state: &mut WriterState, command: Unsubscribe) -> Result<(), StoreError> {
    let Unsubscribe { instances: named, deletes, now, origin } = command;
    for (instance, _) in &named {
        let Change { known, .. } = of_resource(state, *instance, now, &origin).await?;
        if deletes {
            known.state.permit(InstanceAction::Delete)?;
        }
    }
    let system_key = state.actors.key(&mut state.connection, &Origin::SYSTEM.actor).await?;
    for (instance, order_id) in named {
        let Change { connection, known, audit } = of_resource(state, instance, now, &origin).await?;
        if deletes {
            instances::delete(connection, &known, audit, system_key).await?;
            let audit = AuditContext { at: now, origin: &origin, actor_key: audit.actor_key };
            migrations::end_of_instance(&mut state.connection, &mut state.instances, &known, audit).await?;
        }
        let order = Order::paid(order_id, OrderKind::Unsubscription, vec![instance.instance_id], now);
        place(&mut state.connection, known.project_key, &Order { status: OrderStatus::Done, ..order })
            .await?;
    }
    Ok(())
}

async fn switch_renewal(state: &mut WriterState, command: SwitchRenewal) -> Result<(), StoreError> {
    let SwitchRenewal { instance, renews, now, origin } = command;
    let Change { connection, known, audit } = of_resource(state, instance, now, &origin).await?;
    let kept = match subscription(connection, known.key).await? {
        Some(kept) => kept,
        None => Subscription::of(&instances::shown(connection, known.key).await?),
    };
    let switched = kept.renewed(renews, now);
    if switched.renews == kept.renews {
        return Ok(());
    }
    keep_subscription(connection, known.key, &switched).await?;
    let text = if renews { "automatic renewal enabled" } else { "automatic renewal disabled" };
    instances::note(connection, known.key, known.state.status, text, audit).await
}

/// Begins a change of an instance that is paid for in advance.
async fn of_resource<'c>(
    state: &'c mut WriterState,
    instance: InstanceRef,
    now: Timestamp,
    origin: &'c Origin,
) -> Result<Change<'c>, StoreError> {
    let found = change::of_instance(state, instance, now, origin).await.map_err(|error| match error {
        StoreError::Refused(Refusal::InstanceNotFound) => Refusal::ResourceNotFound.into(),
        error => error,
    })?;
    if found.known.state.is_prepaid { Ok(found) } else { Err(Refusal::ResourceNotFound.into()) }
}
