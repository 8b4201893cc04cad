//! Which addresses may connect to an instance, and whether it sees those of its clients.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::instance::InstanceSwitch;
use crate::domain::instance_config::{ConfigChange, Whitelist, WhitelistGroup};
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::engine::Engine;
use crate::http::api::config::change::{change, change_by_job, job_begun, settings};
use crate::http::context::InstanceContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;

/// `GET …/whitelist`: shows which addresses may connect.
pub(super) async fn show_whitelist(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let settings = settings(&engine, instance).await?;
    Ok(HttpResponse::Ok().json(WhitelistView::new(instance.instance_id, &settings.whitelist)))
}

/// `PUT …/whitelist`: sets which addresses may connect, in place of what was set.
pub(super) async fn change_whitelist(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let whitelist = read_whitelist(&context.body)?;
    let has_body = context.compat()?.whitelist_200;
    change(&engine, instance, ConfigChange::Whitelist(whitelist), context.origin).await?;
    Ok(if has_body {
        HttpResponse::Ok().json(serde_json::json!({}))
    } else {
        HttpResponse::NoContent().finish()
    })
}

/// `PUT …/whitelist-async`: sets which addresses may connect as [`change_whitelist`] does, and names a job.
pub(super) async fn change_whitelist_by_job(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let whitelist = ConfigChange::Whitelist(read_whitelist(&context.body)?);
    change_by_job(&engine, instance, whitelist, TaskKind::SetWhitelistByJob, context.origin).await
}

/// The addresses that may connect.
#[derive(Deserialize, ToSchema)]
pub(super) struct WhitelistBody {
    #[schema(required)]
    enable_whitelist: Option<bool>,
    /// A client leaves an empty list out.
    #[serde(default)]
    #[schema(max_items = 4)]
    whitelist: Option<Vec<GroupBody>>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WhitelistGroupBody)]
struct GroupBody {
    #[schema(required, min_length = 1, max_length = 64)]
    group_name: Option<String>,
    ip_list: Option<Addresses>,
}

/// A list of addresses, or a text of them with commas between.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Addresses {
    List(Vec<String>),
    Text(String),
}

/// Reads which addresses may connect.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`enable_whitelist`, `whitelist`).
pub(crate) fn read_whitelist(body: &[u8]) -> Result<Whitelist, Refusal> {
    let body: WhitelistBody = mandatory_object(body)?;
    let enabled = body.enable_whitelist.ok_or(Refusal::InvalidParameter { name: "enable_whitelist" })?;
    let group = |group: GroupBody| WhitelistGroup {
        name: group.group_name.unwrap_or_default(),
        addresses: match group.ip_list {
            Some(Addresses::List(addresses)) => addresses,
            Some(Addresses::Text(text)) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            None => Vec::new(),
        },
    };
    Whitelist::new(enabled, body.whitelist.into_iter().flatten().map(group).collect())
}

/// The addresses that may connect.
#[derive(Serialize, ToSchema)]
pub(super) struct WhitelistView<'w> {
    instance_id: String,
    enable_whitelist: bool,
    whitelist: Vec<GroupView<'w>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WhitelistGroupView)]
struct GroupView<'w> {
    group_name: &'w str,
    ip_list: &'w [String],
}

impl<'w> WhitelistView<'w> {
    fn new(instance: InstanceId, whitelist: &'w Whitelist) -> Self {
        let view =
            |group: &'w WhitelistGroup| GroupView { group_name: &group.name, ip_list: &group.addresses };
        Self {
            instance_id: instance.to_string(),
            enable_whitelist: whitelist.is_enabled(),
            whitelist: whitelist.groups().iter().map(view).collect(),
        }
    }
}

/// `PUT …/client-ip-transparent-transmission`: has an instance see the addresses of its clients, or no longer. To ask for what is
/// so already is no mistake: a client does with every instance it makes.
pub(super) async fn switch_client_ips(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: ClientIpsBody = mandatory_object(&context.body)?;
    let enabled = body.transparent_client_ip_enable;
    let enabled = enabled.ok_or(Refusal::InvalidParameter { name: "transparent_client_ip_enable" })?;
    let job = engine.switch_instance(instance, InstanceSwitch::ClientIps(enabled), context.origin).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ClientIpsBody {
    #[schema(required)]
    transparent_client_ip_enable: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_list_or_a_text() {
        let list = br#"{"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": ["10.0.0.1", "10.0.0.0/8"]}]}"#;
        let text = br#"{"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": "10.0.0.1, 10.0.0.0/8"}]}"#;
        assert_eq!(read_whitelist(list), read_whitelist(text));
        assert_eq!(read_whitelist(list).unwrap().groups()[0].addresses, ["10.0.0.1", "10.0.0.0/8"]);
    }

    #[test]
    fn no_list_is_an_empty_one_but_the_switch_is_a_must() {
        let empty = Whitelist::new(true, Vec::new());
        assert_eq!(read_whitelist(br#"{"enable_whitelist": true}"#), empty);
        assert_eq!(read_whitelist(br#"{"enable_whitelist": true, "whitelist": null}"#), empty);
        assert_eq!(read_whitelist(b"{}"), Err(Refusal::InvalidParameter { name: "enable_whitelist" }));
        assert_eq!(read_whitelist(br#"{"enable_whitelist": "yes"}"#), Err(Refusal::InvalidBody));
    }
}
