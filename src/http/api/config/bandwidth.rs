//! The policy by which the bandwidth of an instance follows its use.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance_config::{BandwidthPolicy, ConfigChange, ScaleIn};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::change::{change, settings};
use crate::http::context::InstanceContext;
use crate::http::error::Response;
use crate::http::extract::mandatory_object;

/// `GET …/autoscaling-policy/bandwidth`: an object, without members when there is no policy.
pub(super) async fn show_policy(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    Ok(view(settings(&engine, instance).await?.bandwidth_policy))
}

/// `PUT …/autoscaling-policy/bandwidth`.
pub(super) async fn change_policy(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let policy = mandatory_object::<PolicyForm>(&context.body)?.policy()?;
    let change = change(&engine, instance, ConfigChange::BandwidthPolicy(Some(policy)), context.origin);
    Ok(view(change.await?.bandwidth_policy))
}

/// `DELETE …/autoscaling-policy/bandwidth`; without a policy there is none to remove.
pub(super) async fn delete_policy(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    change(&engine, instance, ConfigChange::BandwidthPolicy(None), context.origin).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A policy on the wire, both ways.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = BandwidthPolicy)]
pub(super) struct PolicyForm {
    window_size: Option<u32>,
    bandwidth_usage_upper_threshold: Option<u32>,
    scale_out_cooldown: Option<u64>,
    scale_in_enabled: Option<bool>,
    bandwidth_usage_lower_threshold: Option<u32>,
    scale_in_cooldown: Option<u64>,
}

impl PolicyForm {
    fn policy(self) -> Result<BandwidthPolicy, Refusal> {
        let missing = |name| Refusal::InvalidParameter { name };
        BandwidthPolicy {
            window_minutes: self.window_size.ok_or(missing("window_size"))?,
            upper_percent: self
                .bandwidth_usage_upper_threshold
                .ok_or(missing("bandwidth_usage_upper_threshold"))?,
            grow_cooldown_s: self.scale_out_cooldown.ok_or(missing("scale_out_cooldown"))?,
            scale_in: ScaleIn {
                is_enabled: self.scale_in_enabled,
                lower_percent: self.bandwidth_usage_lower_threshold,
                cooldown_s: self.scale_in_cooldown,
            },
        }
        .checked()
    }
}

fn view(policy: Option<BandwidthPolicy>) -> HttpResponse {
    match policy {
        Some(policy) => HttpResponse::Ok().json(PolicyForm {
            window_size: Some(policy.window_minutes),
            bandwidth_usage_upper_threshold: Some(policy.upper_percent),
            scale_out_cooldown: Some(policy.grow_cooldown_s),
            scale_in_enabled: policy.scale_in.is_enabled,
            bandwidth_usage_lower_threshold: policy.scale_in.lower_percent,
            scale_in_cooldown: policy.scale_in.cooldown_s,
        }),
        None => HttpResponse::Ok().json(serde_json::json!({})),
    }
}
