//! Instances: change what takes no time, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.10; docs/contract/dcs-v2.md, section 2.3.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::instance::UpdateInstanceRequest;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::api::instances::create::PolicyBody;
use crate::http::context::InstanceContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, only_v2, text};

/// `PUT …/instances/{instance_id}`: changes what the body names.
pub(super) async fn update_instance(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: UpdateBody = mandatory_object(&context.body)?;
    engine
        .update_instance(instance, body.order(context.api)?, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is to change. The port and the names of commands change on v2 only.
#[derive(Deserialize, ToSchema)]
pub(super) struct UpdateBody {
    #[schema(max_length = 64)]
    name: Option<String>,
    #[schema(max_length = 1024)]
    description: Option<String>,
    maintain_begin: Option<String>,
    maintain_end: Option<String>,
    security_group_id: Option<String>,
    instance_backup_policy: Option<PolicyBody>,
    #[schema(value_type = Option<Flexible>)]
    port: Option<Value>,
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    rename_commands: Option<Value>,
}

impl UpdateBody {
    /// Returns the order. v1.0 knows neither the port nor the names of commands: there they are unknown members.
    ///
    /// # Errors
    /// `InvalidBody`.
    fn order(self, api: ApiVersion) -> Result<UpdateInstanceRequest, Refusal> {
        let port: Option<Flexible> = only_v2(api, self.port)?;
        Ok(UpdateInstanceRequest {
            name: self.name,
            description: self.description,
            maintenance: (text(self.maintain_begin), text(self.maintain_end)),
            security_group_id: text(self.security_group_id),
            policy: self.instance_backup_policy.map(PolicyBody::sent).transpose()?.unwrap_or_default(),
            port: port.as_ref().and_then(Flexible::given).map(Flexible::to_u64),
            rename_commands: only_v2(api, self.rename_commands)?,
        })
    }
}
