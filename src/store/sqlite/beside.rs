//! What else the store keeps: identity, and what is beside instances.

use async_trait::async_trait;

use crate::domain::config_template::ConfigTemplate;
use crate::domain::id::{InstanceId, JobId, ParameterChangeId, ProjectId, TaskId};
use crate::domain::identity::{Domain, Project, Secret, Token, User};
use crate::domain::instance::Instance;
use crate::domain::job::Job;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::side_settings::SideSettings;
use crate::domain::task::BackgroundTask;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::queue::Command;
use crate::store::{
    ChangeSideSettings, ChangeTemplate, CreateTemplate, DeleteTemplate, IdentityStore, InstanceRef, NewToken,
    ParameterHistoryEntry, ProjectFilter, SideStore, StoreError, TagValues, UserKey,
};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn domain(&self) -> Result<Domain, StoreError> {
        self.reader.domain().await
    }

    async fn link_key(&self) -> Result<[u8; 32], StoreError> {
        self.reader.link_key().await
    }

    async fn find_user(&self, key: UserKey) -> Result<Option<(User, Option<String>)>, StoreError> {
        self.reader.find_user(key).await
    }

    async fn find_access_key(&self, access: &str) -> Result<Option<(User, Secret)>, StoreError> {
        self.reader.find_access_key(access).await
    }

    async fn find_token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        self.reader.find_token(hash).await
    }

    async fn projects(&self, filter: ProjectFilter) -> Result<Vec<Project>, StoreError> {
        self.reader.projects(filter).await
    }

    async fn save_token(&self, token: NewToken) -> Result<bool, StoreError> {
        self.writer.ask(|reply| Command::SaveToken(token, reply)).await
    }
}

#[async_trait]
impl SideStore for SqliteStore {
    async fn side_settings(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, SideSettings)>, StoreError> {
        self.reader.side_settings(instance).await
    }

    async fn change_side_settings(
        &self,
        change: ChangeSideSettings,
    ) -> Result<(Instance, SideSettings), StoreError> {
        self.writer.ask(|reply| Command::ChangeSide(Box::new(change), reply)).await
    }

    async fn project_tags(&self, project_id: ProjectId) -> Result<Vec<TagValues>, StoreError> {
        self.reader.project_tags(project_id).await
    }

    async fn parameter_history(
        &self,
        instance: InstanceRef,
        page: PageRequest,
    ) -> Result<Option<Page<ParameterHistoryEntry>>, StoreError> {
        self.reader.parameter_history(instance, page).await
    }

    async fn parameter_change(
        &self,
        instance: InstanceRef,
        id: ParameterChangeId,
    ) -> Result<Option<ParameterHistoryEntry>, StoreError> {
        self.reader.parameter_change(instance, id).await
    }

    async fn background_tasks(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<BackgroundTask>>, StoreError> {
        self.reader.background_tasks(instance, window, page).await
    }

    async fn project_tasks(
        &self,
        project_id: ProjectId,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError> {
        self.reader.project_tasks(project_id, window, page).await
    }

    async fn background_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
    ) -> Result<Option<(InstanceId, BackgroundTask)>, StoreError> {
        self.reader.background_task(project_id, id).await
    }

    async fn job(&self, project_id: ProjectId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.reader.job(project_id, id).await
    }

    async fn templates(&self, project_id: ProjectId) -> Result<Vec<ConfigTemplate>, StoreError> {
        self.reader.templates(project_id).await
    }

    async fn create_template(&self, create: CreateTemplate) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::CreateTemplate(Box::new(create), reply)).await
    }

    async fn change_template(&self, change: ChangeTemplate) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::ChangeTemplate(Box::new(change), reply)).await
    }

    async fn delete_template(&self, delete: DeleteTemplate) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::DeleteTemplate(Box::new(delete), reply)).await
    }
}
