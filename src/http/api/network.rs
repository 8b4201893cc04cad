//! Access from the public network, and bandwidth.
//!
//! Source: docs/contract/dcs-v2-operations.md, sections 8 and 9.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance::{Instance, PublicAccess};
use crate::domain::network::PublicAccessRequest;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::change::{JobView, job_begun};
use crate::http::api::instances::resize::NothingView;
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, text};
use crate::http::route::{DELETE, GET, POST, PUT, RouteEntry, Tag, reading, writing};
use crate::http::time::rfc3339;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Network", about: "Access from the public network, and bandwidth." };
    const PUBLIC_IP: &str = "/instances/{instance_id}/public-ip";
    const BANDWIDTHS: &str = "/instances/{instance_id}/bandwidths";
    TAG.routes([
        writing("update_public_ip", "dcs:instance:bindPublicIp")
            .summary("Opens an instance to the public")
            .v2(POST, PUBLIC_IP, endpoint(open))
            .takes::<PublicIpBody>()
            .answers::<JobView>(),
        writing("delete_public_ip", "dcs:instance:bindPublicIp")
            .summary("Closes an instance to the public")
            .v2(DELETE, PUBLIC_IP, endpoint(close))
            .answers::<JobView>(),
        reading("show_bandwidths", "dcs:instance:get")
            .summary("Shows the bandwidth of shards")
            .v2(GET, BANDWIDTHS, endpoint(show_bandwidths))
            .answers::<BandwidthsView>(),
        writing("update_bandwidth", "dcs:bandwidth:modify")
            .summary("Changes the bandwidth of shards")
            .v2(PUT, BANDWIDTHS, endpoint(change_bandwidths))
            .takes::<BandwidthsBody>()
            .answers::<JobView>(),
        writing("update_instance_bandwidth", "dcs:instance:modifyBandwidth")
            .summary("Doubles the bandwidth for a week")
            .v2(PUT, "/instances/{instance_id}/bandwidth", endpoint(expand_bandwidth))
            .answers::<NothingView>(),
    ])
}

/// `POST …/public-ip`: opens an instance to the public.
async fn open(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: PublicIpBody = mandatory_object(&context.body)?;
    let order = PublicAccessRequest {
        elb_id: text(body.elb_id),
        public_ip_id: text(body.publicip_id),
        ssl: body.enable_ssl.as_ref().and_then(Flexible::boolean).unwrap_or(false),
        address: None,
    };
    let origin = (context.failure, context.origin);
    let job = engine.change_public_access(instance, Some(order), origin).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

/// `DELETE …/public-ip`: closes an instance to the public.
async fn close(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let job = engine.change_public_access(instance, None, (context.failure, context.origin)).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PublicIp)]
struct PublicIpBody {
    /// From Redis 4.0 on.
    elb_id: Option<String>,
    /// For Redis 3.0.
    publicip_id: Option<String>,
    /// For Redis 3.0.
    #[schema(value_type = Option<bool>)]
    enable_ssl: Option<Flexible>,
}

/// How an instance is reached from the public network.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicIpInfo)]
pub(super) struct PublicIpView {
    elb_id: Option<String>,
    eip_id: String,
    eip_address: String,
    elb_listeners: Vec<ListenerView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PublicIpListener)]
struct ListenerView {
    id: String,
    port: u16,
    name: String,
}

impl From<PublicAccess> for PublicIpView {
    fn from(access: PublicAccess) -> Self {
        let listeners = access.listeners.into_iter();
        Self {
            elb_id: access.elb_id,
            eip_id: access.eip_id,
            eip_address: access.address.to_string(),
            elb_listeners: listeners
                .map(|one| ListenerView { id: one.id.to_string(), port: one.port, name: one.name })
                .collect(),
        }
    }
}

/// `GET …/bandwidths`: shows the bandwidth of shards.
async fn show_bandwidths(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(BandwidthsView::of(&instance)))
}

/// `PUT …/bandwidths`: changes the bandwidth of shards.
async fn change_bandwidths(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: BandwidthsBody = mandatory_object(&context.body)?;
    let missing = |name| Refusal::InvalidParameter { name };
    let groups = body.group_bandwidths.filter(|groups| !groups.is_empty());
    let groups = groups.ok_or(missing("group_bandwidths"))?.into_iter().map(|group| {
        let id = text(group.group_id).ok_or(missing("group_id"))?;
        let target = group.target_bandwidth.as_ref().and_then(Flexible::given);
        Ok((id, target.ok_or(missing("target_bandwidth"))?.to_u64()))
    });
    let wanted = groups.collect::<Result<_, Refusal>>()?;
    let job = engine.change_bandwidth(instance, wanted, (context.failure, context.origin)).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

/// `PUT …/bandwidth`: doubles the bandwidth for a week.
async fn expand_bandwidth(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let expanded = engine.expand_bandwidth(instance, context.origin).await;
    expanded.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(NothingView {}))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = BandwidthsChange)]
struct BandwidthsBody {
    group_bandwidths: Option<Vec<GroupBody>>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = GroupBandwidthChange)]
struct GroupBody {
    group_id: Option<String>,
    /// In Mbit/s.
    #[schema(value_type = Option<u32>)]
    target_bandwidth: Option<Flexible>,
}

/// Bandwidths in Mbit/s: of the instance, and of each of its shards.
#[derive(Serialize, ToSchema)]
#[schema(as = Bandwidths)]
struct BandwidthsView {
    bandwidth: u32,
    max_bandwidth: u32,
    allow_modify: bool,
    group_bandwidths: Vec<GroupView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GroupBandwidth)]
struct GroupView {
    group_id: String,
    /// Null until it is changed.
    updated_at: Option<String>,
    bandwidth: u32,
    max_bandwidth: u32,
    assured_bandwidth: u32,
}

impl BandwidthsView {
    fn of(instance: &Instance) -> Self {
        let shards = instance.shard_bandwidths();
        Self {
            bandwidth: shards.iter().map(|shard| shard.bandwidth).sum(),
            max_bandwidth: shards.iter().map(|shard| shard.max).sum(),
            allow_modify: instance.can_change_bandwidth(),
            group_bandwidths: shards
                .into_iter()
                .map(|shard| GroupView {
                    group_id: shard.group_id.to_string(),
                    updated_at: shard.updated_at.map(rfc3339),
                    bandwidth: shard.bandwidth,
                    max_bandwidth: shard.max,
                    assured_bandwidth: shard.assured,
                })
                .collect(),
        }
    }
}
