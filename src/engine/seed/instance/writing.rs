//! How an export writes instances.

use std::num::NonZeroU16;

use crate::domain::enterprise_project::DEFAULT_ENTERPRISE_PROJECT;
use crate::domain::instance::Billing;
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::maintenance::MaintenanceWindow;
use crate::engine::seed::account::AccountEntry;
use crate::engine::seed::configuration::{
    BandwidthEntry, DailyScanEntry, ExpiredKeyScanEntry, PolicyEntry, TagEntry, WhitelistEntry,
    write_parameters,
};
use crate::engine::seed::instance::InstanceEntry;
use crate::engine::seed::nodes::{NodeEntry, ReplicaEntry, write_bandwidth};
use crate::engine::seed::order::SubscriptionEntry;
use crate::engine::seed::records::WorkEntry;
use crate::engine::seed::text::{Nullable, SecretText, Short, Text};
use crate::store::InstanceSeed;

impl From<InstanceSeed> for InstanceEntry {
    fn from(seed: InstanceSeed) -> Self {
        let InstanceSeed {
            instance,
            configuration,
            accounts,
            contents,
            password_hash,
            password_has_colon,
            subscription,
            next_run_at,
            minor_versions,
            work,
            ..
        } = seed;
        let offered = instance.parameters();
        // An older version took settings of scans that this one has not.
        let can_scan = |kind: AnalysisKind| kind.permit(&instance).is_ok();
        let (big, hot) = (can_scan(AnalysisKind::Big), can_scan(AnalysisKind::Hot));
        let expired = can_scan(AnalysisKind::Expired);
        let (group_bandwidths, bandwidth_info) = write_bandwidth(instance.bandwidth);
        let order_id = instance.billing.order_id().map(|id| Short(id.to_owned()));
        let is_prepaid = instance.billing != Billing::PostPaid;
        let default_maintenance = instance.maintenance == MaintenanceWindow::DEFAULT;
        let maintenance = |text: String| (!default_maintenance).then_some(Short(text));
        let enterprise_project = Some(instance.enterprise_project_id);
        Self {
            id: Text(instance.id),
            cache_mode: Text(instance.cache_mode),
            name: Some(Text(instance.name)),
            description: instance.description.map(Short),
            engine: Text(instance.engine),
            transparent_client_ip_enable: Some(instance.sees_client_ips)
                .filter(|sees| *sees == instance.engine_version.is_first_generation()),
            engine_version: Some(instance.engine_version.as_str().to_owned()),
            engine_minor_version: minor_versions.engine,
            proxy_minor_version: minor_versions.proxy,
            capacity: Some(instance.capacity),
            spec_code: Some(Short(instance.spec_code)),
            product_id: instance.product_id.map(Short),
            charging_mode: is_prepaid.then_some(1),
            order_id,
            subscription: subscription.map(SubscriptionEntry::from),
            status: Some(Text(instance.status)),
            work: work.map(WorkEntry::from),
            error_code: instance.error_code.map(Short),
            ip: Some(Short(instance.ip)),
            domain_name: instance.domain_name.map(Short),
            port: NonZeroU16::new(instance.port),
            no_password_access: instance.access.no_password,
            access_user: instance.access.user.map(Short),
            password_hash: password_hash.map(SecretText),
            password_has_colon,
            enable_ssl: instance.access.ssl,
            enable_publicip: instance.access.public_ip,
            publicip_id: instance.access.public_ip_id.map(Short),
            elb_id: instance.access.elb_id.map(Short),
            zones: Some(instance.zone_codes.into_iter().map(Short).collect()),
            vpc_id: Some(Short(instance.network.vpc_id)),
            subnet_id: Some(Short(instance.network.subnet_id)),
            security_group_id: (instance.network.security_group_id)
                .map_or(Nullable::Null, |id| Nullable::Given(Short(id))),
            maintain_begin: maintenance(instance.maintenance.begin()),
            maintain_end: maintenance(instance.maintenance.end()),
            enterprise_project_id: enterprise_project
                .filter(|id| id != DEFAULT_ENTERPRISE_PROJECT)
                .map(Short),
            rename_commands: instance.rename_commands.as_map().clone(),
            user_id: Some(Short(instance.creator.user_id)),
            user_name: Some(Short(instance.creator.user_name)),
            created_at: Some(Text(instance.created_at)),
            launched_at: instance.launched_at.filter(|at| *at != instance.created_at).map(Text),
            updated_at: Some(instance.updated_at).filter(|at| *at != instance.created_at).map(Text),
            tags: instance.tags.iter().map(TagEntry::from).collect(),
            parameters: write_parameters(&configuration.parameters, &offered),
            instance_backup_policy: instance.backup_policy.map(|kept| PolicyEntry::of(&kept, next_run_at)),
            whitelist: WhitelistEntry::of(&configuration.whitelist),
            bandwidth_policy: configuration.bandwidth_policy.map(BandwidthEntry::from),
            bigkey_autoscan: configuration.big_key_scan.filter(|_| big).map(DailyScanEntry::from),
            hotkey_autoscan: configuration.hot_key_scan.filter(|_| hot).map(DailyScanEntry::from),
            expire_autoscan: configuration
                .expired_key_scan
                .filter(|_| expired)
                .map(ExpiredKeyScanEntry::from),
            group_bandwidths,
            bandwidth_info,
            replicas: instance.replicas.into_iter().filter_map(ReplicaEntry::of).collect(),
            nodes: instance.stored_nodes.iter().filter_map(NodeEntry::of).collect(),
            stopped_nodes: instance.stopped_nodes.into_iter().map(Text).collect(),
            accounts: accounts.into_iter().map(AccountEntry::from).collect(),
            contents,
            backups: Vec::new(),
            restores: Vec::new(),
        }
    }
}
