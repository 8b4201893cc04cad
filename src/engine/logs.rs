//! Slow logs and run logs of instances.

use crate::domain::id::RunLogId;
use crate::domain::link::LinkLifetime;
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::run_log::{CollectedDays, RunLog, RunLogStatus};
use crate::domain::slow_log::{NumberedCommand, SlowLogQuery};
use crate::domain::work::FailureCode;
use crate::engine::{DownloadLink, Engine, EngineError, LinkTarget, LinkedFile};
use crate::store::{CollectRunLogs, InstanceRef};

/// The id of the parameter that says how many slow commands a node keeps, and what it is until it is set.
const SLOW_LOG_LENGTH: (u8, usize) = (19, 128);

impl Engine {
    /// Returns slow commands of an instance.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn slow_log(
        &self,
        instance: InstanceRef,
        query: SlowLogQuery,
    ) -> Result<Vec<NumberedCommand>, EngineError> {
        let read = self.read().await;
        let found = read.instance_config(instance).await?;
        let (_, configuration) = found.ok_or(Refusal::InstanceNotFound)?;
        let contents = read.contents(instance, None).await?.ok_or(Refusal::InstanceNotFound)?;
        let (id, usual) = SLOW_LOG_LENGTH;
        let most = configuration.parameters.get(&id).and_then(|length| length.parse().ok()).unwrap_or(usual);
        Ok(query.of(contents.slow_log, most, read.now))
    }

    /// Collects files of the run log of an instance, from a replica; an instance of one node need not name it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`crate::domain::instance::Instance::logging_replica`], or with the refusal of the instance's
    /// state; in this order.
    pub async fn collect_run_logs(
        &self,
        instance: InstanceRef,
        replication_id: Option<String>,
        days: CollectedDays,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let mut ids = Vec::with_capacity(days.count());
        for _ in 0..days.count() {
            ids.push((self.new_id(now).await?, self.new_id(now).await?));
        }
        let status = if failure.is_some() { RunLogStatus::Failed } else { RunLogStatus::Succeed };
        let command = CollectRunLogs { instance, replication_id, days, ids, status, now, origin };
        Ok(write.collect_run_logs(command).await?)
    }

    /// Returns the files of the run log of an instance that are kept, those that were collected last first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn run_logs(&self, instance: InstanceRef) -> Result<Vec<RunLog>, EngineError> {
        let read = self.read().await;
        let mut logs = read.run_logs(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        logs.retain(|log| log.is_kept(read.now));
        logs.reverse();
        Ok(logs)
    }

    /// Makes a link to a file of the run log of an instance, which is good for a day.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or with `InvalidParameter` (`id`) if there is no such file.
    pub async fn create_run_log_link(
        &self,
        instance: InstanceRef,
        id: Option<RunLogId>,
    ) -> Result<(RunLog, DownloadLink), EngineError> {
        let now = self.read().await.now;
        let logs = self.run_logs(instance).await?;
        let found = logs.into_iter().find(|log| Some(log.id) == id && log.status == RunLogStatus::Succeed);
        let log = found.ok_or(Refusal::InvalidParameter { name: "id" })?;
        let file = LinkedFile::RunLog(instance.instance_id, log.id);
        let target = LinkTarget { project_id: instance.project_id, file, file_name: log.file_name() };
        let link = self.link(target, now, LinkLifetime::DAY).await?;
        Ok((log, link))
    }
}
