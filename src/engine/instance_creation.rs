//! Instances: create, one or many.

use crate::domain::builtin;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::identity::User;
use crate::domain::instance::{CreateInstancesRequest, Creator, InstanceName, InstanceStatus, OrderRules};
use crate::domain::origin::{Actor, Origin};
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{CreateInstances, InstanceRef, NewInstanceIdentity, UserKey};

/// Instances that were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedInstances {
    /// Their ids and names, in the order of their numbers.
    pub instances: Vec<(InstanceId, InstanceName)>,
    /// The order by which they are paid, if they are in advance.
    pub order_id: Option<String>,
}

impl Engine {
    /// Makes instances, all that the order asks for or none. Each is being created, or in service, before this returns.
    ///
    /// # Errors
    /// `Refused` as `CreateInstancesRequest::check`, with `InstanceNameTaken`, for a quota, with `IdTaken`, or with `InvalidParameter`
    /// (`private_ip`) for an address that another instance of the subnet has; in this order. Of several instances all but the first
    /// find an id that was given taken, so that none is made.
    pub async fn create_instances(
        &self,
        api: ApiVersion,
        project_id: ProjectId,
        order: CreateInstancesRequest,
        origin: Origin,
    ) -> Result<CreatedInstances, EngineError> {
        let is_v2 = api == ApiVersion::V2;
        let rules = OrderRules {
            region: &self.settings.region,
            default_offset: self.settings.name_offset,
            needs_zones: is_v2,
            needs_security_group: !is_v2,
        };
        let given_id = order.id;
        let (names, new) = order.check(rules)?;
        let password_hash = match new.password.clone() {
            Some(password) => Some(self.hashed_password(password).await?),
            None => None,
        };
        let write = self.write().await?;
        let now = write.now;
        let creator = self.creator(&origin.actor).await?;
        let order_id = new.is_prepaid.then(|| self.new_order_id(now));
        let mut called = Vec::with_capacity(names.len());
        for name in names {
            let id = match given_id {
                Some(id) => id,
                None => self.unused_id(|| self.ids.instance_id(now), InstanceId::as_bytes).await?,
            };
            let instance = InstanceRef { project_id, instance_id: id };
            let work = self.transition_options(instance, InstanceStatus::Creating);
            called.push(NewInstanceIdentity { id, name, policy_id: self.new_policy_id().await?, work });
        }
        let instances = called.iter().map(|called| (called.id, called.name.clone())).collect();
        let unique_names = self.settings.unique_instance_names;
        let (order_id_kept, command_order) = (order_id.clone(), order_id);
        write
            .create_instances(CreateInstances {
                project_id,
                called,
                id_is_given: given_id.is_some(),
                new,
                password_hash,
                order_id: command_order,
                creator,
                unique_names,
                now,
                origin,
            })
            .await?;
        Ok(CreatedInstances { instances, order_id: order_id_kept })
    }

    /// Returns who counts as the creator of what an actor makes: the user behind it, or the built-in one.
    pub(super) async fn creator(&self, actor: &Actor) -> Result<Creator, EngineError> {
        let user: Option<User> = match actor {
            Actor::User(name) => {
                self.identity.find_user(UserKey::Name(name.clone())).await?.map(|(user, _)| user)
            }
            Actor::AccessKey(access) => self.identity.find_access_key(access).await?.map(|(user, _)| user),
            Actor::Anonymous | Actor::Seed | Actor::System => None,
        };
        Ok(match user {
            Some(user) => Creator { user_id: user.id.to_string(), user_name: user.name },
            None => {
                Creator { user_id: builtin::USER_ID.to_owned(), user_name: builtin::USER_NAME.to_owned() }
            }
        })
    }

    /// Returns the id of a new order: `CS`, the minute, and five capitals.
    pub(super) fn new_order_id(&self, now: Timestamp) -> String {
        const LETTERS: usize = 5;
        let minute = &now.compact_local(UtcOffset::UTC)[2..12];
        let letters =
            self.ids.random_bits().into_iter().take(LETTERS).map(|bits| char::from(b'A' + bits % 26));
        format!("CS{minute}{}", letters.collect::<String>())
    }
}
