//! Instances: show, list, count, create, change, resize, move, switch, restart and delete.

use futures_util::future::join_all;

use crate::domain::builtin;
use crate::domain::id::{InstanceId, JobId, ProjectId};
use crate::domain::identity::User;
use crate::domain::instance::{
    Billing, CreateInstancesRequest, CreateRules, Creator, Instance, InstanceName, InstanceStatus,
    InstanceSwitch, NodeSwitch, PlacementChange, ResizeRequest, ResizeRules, StatusAction,
    UpdateInstanceRequest, WaitingChange,
};
use crate::domain::order::{Order, OrderKind, OrderedSize};
use crate::domain::origin::{Actor, Origin};
use crate::domain::page::{Page, PageLimit};
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, Progression, WorkModel, WorkOptions};
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{
    ChangeInstance, CreateInstances, InstanceCommand, InstanceFilter, InstancePageStart, InstanceRef,
    NewInstanceIdentity, StatusCount, UserKey,
};

/// Which instances of a project a caller wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstancesQuery {
    /// What they must be like.
    pub filter: InstanceFilter,
    /// Where the page starts.
    pub start: InstancePageStart,
    /// How many the page holds at most.
    pub limit: PageLimit,
}

impl Engine {
    /// Returns an instance, with the time at which it was looked at.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn get_instance(&self, instance: InstanceRef) -> Result<(Instance, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        let found = read.get_instance(instance).await?;
        Ok((found.ok_or(Refusal::InstanceNotFound)?, now))
    }

    /// Returns the instances of a project that are in service, newest first.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn running_instances(&self, project_id: ProjectId) -> Result<Vec<Instance>, EngineError> {
        let read = self.read().await;
        let filter = InstanceFilter { status: Some(InstanceStatus::Running), ..InstanceFilter::default() };
        Ok(read.all_instances(project_id, filter).await?)
    }

    /// Returns how many instances of a project there are of each engine in each state, as far as there are any.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, EngineError> {
        let read = self.read().await;
        Ok(read.status_counts(project_id).await?)
    }

    /// Returns a page of a project's instances, newest first, with the time at which they were looked at. A project nobody has heard of
    /// has none.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn list_instances(
        &self,
        project_id: ProjectId,
        query: InstancesQuery,
    ) -> Result<(Page<Instance>, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        Ok((read.list_instances(project_id, query.filter, query.start, query.limit).await?, now))
    }
}

/// How an instance is to get another size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResizeTerms {
    /// Whether it waits for the window of maintenance.
    pub may_wait: bool,
    /// Whether it is done by an order only.
    pub needs_order: bool,
    /// Whether it waits until its order is paid, if there is one.
    pub is_unpaid: bool,
}

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
        let rules = CreateRules {
            region: &self.settings.region,
            offers: self.settings.offers,
            default_offset: self.settings.name_offset,
            needs_zones: is_v2,
            needs_security_group: !is_v2,
        };
        let client_chosen_id = order.id;
        let (names, new) = order.check(rules)?;
        let password_hash = match new.password.clone() {
            Some(password) => Some(self.hashed_password(password).await?),
            None => None,
        };
        let write = self.write().await?;
        let now = write.now;
        let creator = self.creator(&origin.actor).await?;
        let order_id = match new.prepayment {
            Some(_) => Some(self.new_order_id(&write).await?),
            None => None,
        };
        let is_unpaid = new.prepayment.is_some_and(|prepayment| !prepayment.pays);
        let mut identities = Vec::with_capacity(names.len());
        for name in names {
            let id = match client_chosen_id {
                Some(id) => id,
                None => self.unused_id(|| self.ids.instance_id(now), InstanceId::as_bytes).await?,
            };
            let instance = InstanceRef { project_id, instance_id: id };
            let work = if is_unpaid {
                // It waits until the order is paid.
                WorkOptions { progression: Progression::Manual, failure: None }
            } else {
                self.transition_options(instance, InstanceStatus::Creating)
            };
            identities.push(NewInstanceIdentity { id, name, policy_id: self.new_policy_id().await?, work });
        }
        let instances = identities.iter().map(|identity| (identity.id, identity.name.clone())).collect();
        let unique_names = self.settings.unique_instance_names;
        let resources = identities.iter().map(|identity| identity.id).collect();
        let order = order_id.clone().map(|id| Order::paid(id, OrderKind::Purchase, resources, now));
        let order = if is_unpaid { order.map(Order::unpaid) } else { order };
        write
            .create_instances(CreateInstances {
                project_id,
                identities,
                is_id_client_chosen: client_chosen_id.is_some(),
                new,
                password_hash,
                order,
                creator,
                unique_names,
                strict_network: self.settings.strict_network,
                now,
                origin,
            })
            .await?;
        Ok(CreatedInstances { instances, order_id })
    }

    /// Returns who counts as the creator of what an actor makes: the user behind it, or the built-in one.
    pub(super) async fn creator(&self, actor: &Actor) -> Result<Creator, EngineError> {
        let user: Option<User> = match actor {
            Actor::User(name) => {
                self.identity.find_user(UserKey::Name(name.clone())).await?.map(|(user, _)| user)
            }
            Actor::AccessKey(access) => self.identity.find_access_key(access).await?.map(|key| key.owner),
            Actor::Anonymous | Actor::Seed | Actor::System => None,
        };
        Ok(match user {
            Some(user) => Creator { user_id: user.id.to_string(), user_name: user.name },
            None => {
                Creator { user_id: builtin::USER_ID.to_owned(), user_name: builtin::USER_NAME.to_owned() }
            }
        })
    }
}

impl Engine {
    /// Changes an instance; what the order does not name stays. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` as `UpdateInstanceRequest::check`, with `InstanceNotFound`, as `InstanceUpdate::applied_to`, or with
    /// `InstanceNameTaken`; in this order.
    pub async fn update_instance(
        &self,
        instance: InstanceRef,
        order: UpdateInstanceRequest,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let update = Box::new(order.check(self.settings.name_offset)?);
        let write = self.write().await?;
        let now = write.now;
        let (policy_id, unique_names) = (self.new_policy_id().await?, self.settings.unique_instance_names);
        let port_change = if update.names_a_port() {
            Some(self.new_task(TaskKind::ChangePort, &origin.actor, now).await?)
        } else {
            None
        };
        let command = InstanceCommand::Update { update, policy_id, unique_names, port_change };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }
}

impl Engine {
    /// Gives an instance another size: at once, or, if it may wait, in the window of maintenance. At once means that it is EXTENDING,
    /// or has the size already, before this returns; the order by which that is paid is returned if it is paid in advance. While that is
    /// not paid, nothing else has happened.
    ///
    /// # Errors
    /// `Refused` as `ResizeRequest::check`, with `InstanceNotFound`, with `InvalidParameter` (`instance_id`) where an order is needed and
    /// the instance is not paid for in advance, as `Resize::of`, or for the quota of memory; in this order.
    pub async fn resize_instance(
        &self,
        api: ApiVersion,
        instance: InstanceRef,
        order: ResizeRequest,
        ResizeTerms { may_wait, needs_order, is_unpaid }: ResizeTerms,
        origin: Origin,
    ) -> Result<Option<String>, EngineError> {
        let rules = self.resize_rules(api);
        let wait = may_wait.then(|| WaitingChange::Size(order.clone()));
        let size = OrderedSize { order: order.clone(), may_wait };
        let resize = Box::new(order.check(rules)?);
        let write = self.write().await?;
        let now = write.now;
        let work = self.transition_options(instance, InstanceStatus::Extending);
        let task = self.new_task(resize.task(), &origin.actor, now).await?;
        // How an instance is paid for never changes. It is read before, so that nothing can fail once the change is committed.
        let before = write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let order_id = match before.billing {
            Billing::PrePaid { .. } => Some(self.new_order_id(&write).await?),
            Billing::PostPaid if needs_order => {
                return Err(Refusal::InvalidParameter { name: "instance_id" }.into());
            }
            Billing::PostPaid => None,
        };
        let resources = vec![instance.instance_id];
        let order = order_id.clone().map(|id| {
            let order = Order::paid(id, OrderKind::Change, resources, now);
            if is_unpaid { Order { size: Some(size), ..order.unpaid() } } else { order }
        });
        let command = InstanceCommand::Resize { resize, wait, task, work, order };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(order_id)
    }
}

impl Engine {
    /// Checks whether an instance can get another size; returns the job of it. Nothing changes by that.
    ///
    /// # Errors
    /// `Refused` as `ResizeRequest::check`, with `InstanceNotFound`, or as `Resize::of`; in this order.
    pub async fn check_resize(
        &self,
        instance: InstanceRef,
        order: ResizeRequest,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let resize = Box::new(order.check(self.resize_rules(ApiVersion::V2))?);
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::CheckResize, &origin.actor, now).await?;
        let job_id = task.job_id;
        let work = self.work_options(WorkModel::Task, instance, failure);
        let command = InstanceCommand::CheckResize { resize, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    pub(super) fn resize_rules(&self, api: ApiVersion) -> ResizeRules<'_> {
        ResizeRules {
            region: &self.settings.region,
            needs_product: api == ApiVersion::V2,
            must_grow: api == ApiVersion::V1,
            clusters: self.settings.clusters_extend,
        }
    }
}

impl Engine {
    /// Extends an instance by something else than its size; returns the job of it. The instance is EXTENDING until that is done.
    /// Other zones can wait for the window of maintenance, if they `may_wait`.
    ///
    /// # Errors
    /// `Refused` for a network as `ProjectNetwork::place`, with `InstanceNotFound`, or as `PlacementChange::of`; in this order.
    pub async fn change_placement(
        &self,
        instance: InstanceRef,
        extension: PlacementChange,
        may_wait: bool,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        if let PlacementChange::Network { vpc_id, subnet_id } = &extension {
            let network = write.network(instance.project_id).await?;
            network.place(vpc_id, subnet_id, None, self.settings.strict_network)?;
        }
        let task = self.new_task(extension.task(), &origin.actor, now).await?;
        let job_id = task.job_id;
        let work = self.transition_options(instance, InstanceStatus::Extending);
        let wait = match &extension {
            PlacementChange::Zones(zones) if may_wait => Some(WaitingChange::Zones(zones.clone())),
            _ => None,
        };
        let region = self.settings.region.clone();
        let command = InstanceCommand::ChangePlacement { extension, region, wait, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }
}

impl Engine {
    /// Switches something of an instance; returns the job of it, which has ended already. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `InstanceSwitch::applied_to`.
    pub async fn switch_instance(
        &self,
        instance: InstanceRef,
        switch: InstanceSwitch,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(switch.task(), &origin.actor, now).await?;
        let job_id = task.job_id;
        let command = InstanceCommand::Switch { switch, task };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Starts or stops nodes of an instance; returns the job of it, which has ended already. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `NodeSwitch::applied_to`.
    pub async fn switch_nodes(
        &self,
        instance: InstanceRef,
        switch: NodeSwitch,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::SwitchNodes, &origin.actor, now).await?;
        let job_id = task.job_id;
        let command = InstanceCommand::SwitchNodes { switch, task };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Returns an instance for whose clients there is a certificate.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` or `EncryptionUnsupported`.
    pub async fn certified_instance(&self, instance: InstanceRef) -> Result<Instance, EngineError> {
        let (instance, _) = self.get_instance(instance).await?;
        instance.engine_version.permit_certificate()?;
        Ok(instance)
    }
}

impl Engine {
    /// Has instances of a project restarted, emptied, started or stopped; returns, in the order of `ids`, what became of
    /// each. One that takes time is on its way before this returns.
    pub async fn change_statuses(
        &self,
        project_id: ProjectId,
        ids: &[InstanceId],
        action: StatusAction,
        origin: &Origin,
    ) -> Vec<Result<(), EngineError>> {
        let change = |id: &InstanceId| {
            self.change_status(InstanceRef { project_id, instance_id: *id }, action, origin.clone())
        };
        join_all(ids.iter().map(change)).await
    }

    /// `Refused` with `InstanceNotFound`, or as `InstanceState::permit_status_action`.
    async fn change_status(
        &self,
        instance: InstanceRef,
        action: StatusAction,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let work = self.transition_options(instance, action.transient_status());
        let command = InstanceCommand::ChangeStatus { action, work };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }
}

impl Engine {
    /// Deletes an instance with its records: from the moment this returns nobody but the audit knows them.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `InstancePrepaid`, or the refusal of its state.
    pub async fn delete_instance(&self, instance: InstanceRef, origin: Origin) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let command = InstanceCommand::Delete;
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }

    /// Deletes instances of a project and returns, in the order of `ids`, what became of each.
    pub async fn delete_instances(
        &self,
        project_id: ProjectId,
        ids: &[InstanceId],
        origin: &Origin,
    ) -> Vec<Result<(), EngineError>> {
        // All at once: the writer takes them in this order, and commits many together.
        let delete = |id: &InstanceId| {
            self.delete_instance(InstanceRef { project_id, instance_id: *id }, origin.clone())
        };
        join_all(ids.iter().map(delete)).await
    }

    /// Deletes the instances of a project whose creation failed; returns which. Once some are deleted that is said, whatever happens then.
    ///
    /// # Errors
    /// `Internal`, `Unavailable`.
    pub async fn delete_failed_instances(
        &self,
        project_id: ProjectId,
        origin: &Origin,
    ) -> Result<Vec<InstanceId>, EngineError> {
        let filter =
            InstanceFilter { status: Some(InstanceStatus::CreateFailed), ..InstanceFilter::default() };
        let mut deleted = Vec::new();
        loop {
            let start = InstancePageStart::Skip(0);
            let page =
                self.read().await.list_instances(project_id, filter.clone(), start, PageLimit::ALL).await;
            let page = match page {
                Err(error) if !deleted.is_empty() => {
                    tracing::warn!(error = %error, "could not see whether there are more instances to delete");
                    return Ok(deleted);
                }
                page => page?,
            };
            let ids: Vec<InstanceId> = page.items.iter().map(|instance| instance.id).collect();
            let results = self.delete_instances(project_id, &ids, origin).await;
            let mut gone: Vec<InstanceId> = ids
                .into_iter()
                .zip(&results)
                .filter(|(_, result)| result.is_ok())
                .map(|(id, _)| id)
                .collect();
            // Those that are left would be found again, for ever.
            if gone.is_empty() {
                return Ok(deleted);
            }
            deleted.append(&mut gone);
        }
    }
}
