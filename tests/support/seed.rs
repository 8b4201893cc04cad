//! The ids in `seed.yaml`, and paths made of them.

use std::fmt::Write as _;

/// The seed of a [`super::TestServer`] that is not given another one.
pub(crate) const SEED: &str = include_str!("seed.yaml");

/// The project most tests work in.
pub(crate) const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
/// Another project, with one instance.
pub(crate) const OTHER_PROJECT: &str = "a4a5d4098fb4474fa22cd05f897d6b99";
/// A project that nothing has heard of.
pub(crate) const UNKNOWN_PROJECT: &str = "00000000000000000000000000000000";

/// A master/standby instance.
pub(crate) const HA: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";
/// Another one of the same project.
pub(crate) const SECOND_HA: &str = "0a000000-0000-4000-8000-000000000001";
/// A master/standby instance with read/write splitting.
pub(crate) const RW_SPLIT: &str = "0a000000-0000-4000-8000-000000000002";
/// A single-node instance.
pub(crate) const SINGLE: &str = "0a000000-0000-4000-8000-000000000003";
/// A Redis Cluster.
pub(crate) const CLUSTER: &str = "0a000000-0000-4000-8000-000000000004";
/// A proxy cluster.
pub(crate) const PROXY: &str = "0a000000-0000-4000-8000-000000000005";
/// Redis 3.0, 4 GB, master/standby.
pub(crate) const OLD_REDIS: &str = "0b000000-0000-4000-8000-000000000001";
/// Memcached, master/standby.
pub(crate) const MEMCACHED: &str = "0b000000-0000-4000-8000-000000000002";
/// A master/standby instance of 128 MB.
pub(crate) const TINY: &str = "0b000000-0000-4000-8000-000000000003";
/// The instance of [`OTHER_PROJECT`].
pub(crate) const OTHERS_HA: &str = "0d000000-0000-4000-8000-000000000001";
/// A single-node instance that is restarting.
pub(crate) const SINGLE_RESTARTING: &str = "0c000000-0000-4000-8000-00000000000c";
/// The instance whose creation failed, which lists leave out unless asked.
pub(crate) const CREATE_FAILED: &str = "0c000000-0000-4000-8000-00000000000a";
/// An instance that nothing has heard of.
pub(crate) const UNKNOWN_INSTANCE: &str = "ffffffff-ffff-4fff-8fff-ffffffffffff";
/// A backup that nothing has heard of.
pub(crate) const UNKNOWN_BACKUP: &str = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee";

/// The master/standby instances that are not RUNNING, by state.
pub(crate) const BY_STATUS: [(&str, &str); 11] = [
    ("CREATING", "0c000000-0000-4000-8000-000000000001"),
    ("ERROR", "0c000000-0000-4000-8000-000000000002"),
    ("RESTARTING", "0c000000-0000-4000-8000-000000000003"),
    ("EXTENDING", "0c000000-0000-4000-8000-000000000004"),
    ("RESTORING", "0c000000-0000-4000-8000-000000000005"),
    ("FLUSHING", "0c000000-0000-4000-8000-000000000006"),
    ("STARTING", "0c000000-0000-4000-8000-000000000007"),
    ("CLOSING", "0c000000-0000-4000-8000-000000000008"),
    ("CLOSED", "0c000000-0000-4000-8000-000000000009"),
    ("CREATEFAILED", CREATE_FAILED),
    ("FROZEN", "0c000000-0000-4000-8000-00000000000b"),
];

/// How many instances of [`PROJECT`] a list shows when nothing is asked for: all but the one whose creation failed.
pub(crate) const LISTED: usize = 20;

/// Returns a seed of one project with running master/standby instances.
pub(crate) fn of_instances(project: &str, instances: &[impl AsRef<str>]) -> String {
    let mut seed = format!("projects:\n  - id: {project}\n    instances:\n");
    for id in instances.iter().map(AsRef::as_ref) {
        let name = id.replace('-', "");
        writeln!(seed, "      - {{id: {id}, cache_mode: ha, name: i{name}}}")
            .expect("a text takes more text");
    }
    seed
}

/// Returns the ids of `count` instances.
pub(crate) fn numbered_instances(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("00000000-0000-4000-8000-{number:012x}")).collect()
}

/// `/v1.0/{project}/instances`.
pub(crate) fn instances_path(project: &str) -> String {
    format!("/v1.0/{project}/instances")
}

/// `/v1.0/{PROJECT}/instances/{instance}`.
pub(crate) fn instance_path(instance: &str) -> String {
    format!("{}/{instance}", instances_path(PROJECT))
}

/// `/v1.0/{PROJECT}/instances/{instance}/backups`.
pub(crate) fn backups_path(instance: &str) -> String {
    format!("{}/backups", instance_path(instance))
}

/// `/v1.0/{PROJECT}/instances/{instance}/backups/{backup}`.
pub(crate) fn backup_path(instance: &str, backup: &str) -> String {
    format!("{}/{backup}", backups_path(instance))
}
