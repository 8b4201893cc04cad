//! Instances: another size, other zones, another network, replicas of shards. v1.0 calls a resize extend.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.13 and 2.21; docs/contract/dcs-v2.md, section 2.5, section 2.20 and section 3, "Paths outside
//! the SDK"; docs/contract/dcs-v2-operations.md, section 10.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::id::JobId;
use crate::domain::instance::{InstanceAction, PlacementChange, ResizeRequest};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, ResizeTerms};
use crate::http::api::config::change::job_begun;
use crate::http::context::InstanceContext;
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{mandatory_object, optional_object};
use crate::http::flexible::{Flexible, only_v2, text};

/// `POST …/extend` and `POST …/resize`: gives an instance another size.
pub(super) async fn resize_instance(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: ResizeBody = mandatory_object(&context.body)?;
    let terms = body.terms(context.api)?;
    let order_id = engine
        .resize_instance(context.api, instance, body.order(context.api)?, terms, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(match (context.api, order_id) {
        (ApiVersion::V2, Some(order_id)) => HttpResponse::Ok().json(OrderView { order_id }),
        _ => HttpResponse::NoContent().finish(),
    })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = InstanceResize)]
pub(crate) struct ResizeBody {
    new_capacity: Option<Flexible>,
    spec_code: Option<String>,
    #[schema(value_type = Option<String>)]
    change_type: Option<Value>,
    #[schema(value_type = Option<Vec<String>>)]
    available_zones: Option<Value>,
    #[schema(value_type = Option<Vec<String>>)]
    node_list: Option<Value>,
    /// False: it waits for the window of maintenance.
    #[schema(value_type = Option<bool>)]
    execute_immediately: Option<Value>,
    #[schema(value_type = Option<ResizePayment>)]
    bss_param: Option<Value>,
}

/// How another size is paid, of an instance that is paid for in advance.
#[derive(Deserialize, ToSchema)]
struct ResizePayment {
    /// False: the order waits for its payment.
    is_auto_pay: Option<Flexible>,
}

impl ResizeBody {
    /// Returns what the change waits for: the window of maintenance, its payment. On v1.0 none waits.
    ///
    /// # Errors
    /// `InvalidBody`.
    pub(crate) fn terms(&self, api: ApiVersion) -> Result<ResizeTerms, Refusal> {
        let at_once: Option<Flexible> = only_v2(api, self.execute_immediately.clone())?;
        let payment: Option<ResizePayment> = only_v2(api, self.bss_param.clone())?;
        let is_no = |told: Option<Flexible>| told.as_ref().and_then(Flexible::boolean) == Some(false);
        Ok(ResizeTerms {
            may_wait: is_no(at_once),
            is_unpaid: is_no(payment.and_then(|payment| payment.is_auto_pay)),
            needs_order: false,
        })
    }

    /// Returns the order. v1.0 knows capacity and product only.
    ///
    /// # Errors
    /// `InvalidBody`.
    pub(crate) fn order(self, api: ApiVersion) -> Result<ResizeRequest, Refusal> {
        Ok(ResizeRequest {
            capacity_gb: self.new_capacity.as_ref().and_then(Flexible::number),
            product: text(self.spec_code),
            kind: text(only_v2(api, self.change_type)?),
            zones: only_v2(api, self.available_zones)?.unwrap_or_default(),
            nodes: only_v2(api, self.node_list)?.unwrap_or_default(),
        })
    }
}

/// `POST …/resize/check-job`: checks whether an instance can get another size.
pub(super) async fn check_resize(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: ResizeCheckBody = mandatory_object(&context.body)?;
    let order = ResizeRequest {
        capacity_gb: body.new_capacity.as_ref().and_then(Flexible::number),
        product: text(body.spec_code),
        ..ResizeRequest::default()
    };
    let job = engine.check_resize(instance, order, (context.failure, context.origin)).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = InstanceResizeCheck)]
pub(super) struct ResizeCheckBody {
    spec_code: Option<String>,
    new_capacity: Option<Flexible>,
}

/// The only operation that is asked about.
const EXTEND: &str = "extend";

/// `GET …/operations`: tells whether an instance can get another size now.
pub(super) async fn list_operations(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    if context.query.get("operation") != Some(EXTEND) {
        return Err(ApiError::MissingQuery { name: "operation" });
    }
    let busy = instance.permit(InstanceAction::Extend).map_err(ApiError::from).err();
    let operation = OperationView {
        operation: EXTEND,
        is_support: busy.is_none(),
        cause_id: busy.map(|busy| busy.public_code(context.api)),
    };
    Ok(HttpResponse::Ok()
        .json(OperationsView { instance_id: instance.id.to_string(), operations: [operation] }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceOperations)]
pub(super) struct OperationsView {
    instance_id: String,
    operations: [OperationView; 1],
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceOperation)]
struct OperationView {
    operation: &'static str,
    is_support: bool,
    /// The code by which it would be refused.
    cause_id: Option<String>,
}

/// The order by which a size is paid in advance.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderId)]
pub(crate) struct OrderView {
    pub(crate) order_id: String,
}

/// `PUT …/available-zones`: takes an instance to other zones, at once or in its window of maintenance.
pub(super) async fn migrate_zones(engine: Engine, context: InstanceContext) -> Response {
    let body: ZonesBody = mandatory_object(&context.context.body)?;
    let zones = body.new_available_zones.unwrap_or_default();
    if zones.is_empty() {
        return Err(Refusal::InvalidParameter { name: "new_available_zones" }.into());
    }
    let may_wait = body.execute_immediately.as_ref().and_then(Flexible::boolean) == Some(false);
    extend(engine, context, PlacementChange::Zones(zones), may_wait).await?;
    Ok(HttpResponse::Ok().json(NothingView {}))
}

/// `POST …/resources/subnet`: takes an instance to another network.
pub(super) async fn switch_subnet(engine: Engine, context: InstanceContext) -> Response {
    let body: SubnetBody = mandatory_object(&context.context.body)?;
    if body.action.as_deref() != Some("switch") {
        return Err(Refusal::InvalidParameter { name: "action" }.into());
    }
    let given = |id: Option<String>| id.filter(|id| !id.is_empty());
    let network = PlacementChange::Network {
        vpc_id: given(body.vpc_id).ok_or(Refusal::InvalidVpc)?,
        subnet_id: given(body.subnet_id).ok_or(Refusal::InvalidSubnet)?,
    };
    extend(engine, context, network, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST …/groups/{group_id}/replications`: adds a replica to a shard.
pub(super) async fn add_replica(engine: Engine, context: InstanceContext) -> Response {
    let body: ReplicaBody = optional_object(&context.context.body)?;
    let zone = body.az_code.or(body.repl_az_id).filter(|zone| !zone.is_empty());
    let group_id = context.context.path_part("group_id").to_owned();
    extend(engine, context, PlacementChange::AddReplica { group_id, zone }, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE …/groups/{group_id}/replications/{node_id}`: removes a replica from a shard.
pub(super) async fn remove_replica(engine: Engine, context: InstanceContext) -> Response {
    let part = |name| context.context.path_part(name).to_owned();
    let replica = PlacementChange::RemoveReplica { group_id: part("group_id"), node_id: part("node_id") };
    Ok(job_begun(extend(engine, context, replica, false).await?))
}

async fn extend(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    extension: PlacementChange,
    may_wait: bool,
) -> Result<JobId, ApiError> {
    let begun = engine.change_placement(instance, extension, may_wait, context.origin).await;
    begun.or_fail(&codes::INSTANCE_SAVE_FAILED)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ZonesBody {
    /// Codes or ids, in the order in which nodes are spread over them.
    #[schema(required, min_items = 1)]
    new_available_zones: Option<Vec<String>>,
    /// False: it waits for the window of maintenance.
    #[schema(value_type = Option<bool>)]
    execute_immediately: Option<Flexible>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SubnetBody {
    /// `switch`.
    #[schema(required)]
    action: Option<String>,
    #[schema(required)]
    vpc_id: Option<String>,
    #[schema(required)]
    subnet_id: Option<String>,
}

/// The versions spell the zone differently; either is taken.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct ReplicaBody {
    az_code: Option<String>,
    repl_az_id: Option<String>,
}

/// An object without members.
#[derive(Serialize, ToSchema)]
pub(crate) struct NothingView {}
