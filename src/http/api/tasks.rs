//! What runs in the background: tasks of instances on both versions of the API, jobs on v2.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.30 and 2.31; docs/contract/dcs-v2.md, sections 2.16 and 2.17.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::id::{JobId, TaskId};
use crate::domain::refusal::Refusal;
use crate::domain::task::Job;
use crate::domain::task::{BackgroundTask, Course, TaskDetails, TaskSize};
use crate::engine::{ApiVersion, Engine};
use crate::http::api::versions;
use crate::http::context::{InstanceContext, ProjectContext, RequestContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::route::{DELETE, GET, Operation, RouteEntry, Tag, reading, writing};
use crate::http::time::rfc3339;

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag {
        name: "Background",
        about: "What runs in the background: tasks of instances, and jobs that answers name.",
    };
    const LIST_TASKS: Operation = reading("list_background_task", "dcs:instance:getBackgroundTask");
    const DELETE_TASK: Operation = writing("delete_background_task", "dcs:instance:deleteBackgroundTask");
    TAG.routes([
        LIST_TASKS
            .summary("Lists the background tasks of an instance, newest first")
            .v1(GET, "/instances/{instance_id}/tasks", endpoint(list_tasks))
            .query(versions::V1_RECORDS_QUERY)
            .answers::<TasksView>(),
        LIST_TASKS
            .summary("Lists the background tasks of an instance, newest first")
            .v2(GET, "/instances/{instance_id}/tasks", endpoint(list_tasks))
            .query(versions::TASKS_QUERY)
            .answers::<TasksView>(),
        DELETE_TASK
            .summary("Removes a background task that has ended")
            .v1(DELETE, "/instances/{instance_id}/tasks/{task_id}", endpoint(delete_task))
            .answers_nothing(),
        DELETE_TASK
            .summary("Removes a background task that has ended")
            .v2(DELETE, "/instances/{instance_id}/tasks/{task_id}", endpoint(delete_task))
            .answers::<RemovedView>(),
        reading("show_background_task_progress", "dcs:instance:getBackgroundTask")
            .summary("Shows how far a background task is")
            .v2(GET, "/instances/{instance_id}/tasks/{task_id}/progress", endpoint(show_progress))
            .answers::<ProgressView>(),
        reading("list_center_task", "dcs:instance:getBackgroundTask")
            .summary("Lists the background tasks of a project and of its instances")
            .v2(GET, "/tasks", endpoint(list_project_tasks))
            .query(versions::TASKS_QUERY)
            .answers::<ProjectTasksView>(),
        writing("delete_center_task", "dcs:instance:deleteBackgroundTask")
            .summary("Removes a background task of a project that has ended")
            .v2(DELETE, "/tasks/{task_id}", endpoint(delete_project_task))
            .answers::<RemovedView>(),
        reading("show_job_info", "dcs:instance:getBackgroundTask")
            .summary("Shows a job")
            .v2(GET, "/jobs/{job_id}", endpoint(show_job))
            .answers::<JobView>(),
    ])
}

/// `GET …/tasks`: lists the background tasks of an instance, newest first.
async fn list_tasks(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let query = versions::records_query(&context)?;
    let page = engine.list_tasks(instance, query).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(TasksView {
        task_count: page.total.to_string(),
        tasks: page.items.iter().map(TaskView::of).collect(),
    }))
}

/// `DELETE …/tasks/{task_id}`: removes a task that has ended from the list.
async fn delete_task(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    engine
        .delete_task(instance, task_id(&context)?, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(match context.api {
        ApiVersion::V1 => HttpResponse::NoContent().finish(),
        ApiVersion::V2 => HttpResponse::Ok().json(RemovedView { message: "" }),
    })
}

/// `GET …/tasks` of a project: lists its background tasks and those of its instances, newest first.
async fn list_project_tasks(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let page = engine
        .list_project_tasks(project_id, versions::records_query(&context)?)
        .await
        .or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(ProjectTasksView {
        task_count: page.total.to_string(),
        tasks: page.items.iter().map(ProjectTaskView::of).collect(),
    }))
}

/// `DELETE …/tasks/{task_id}` of a project: removes a task that has ended from the lists.
async fn delete_project_task(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    engine
        .delete_project_task(project_id, task_id(&context)?, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(RemovedView { message: "" }))
}

/// `GET …/tasks/{task_id}/progress`: shows how far a task is.
async fn show_progress(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let (task, progress, remaining) =
        engine.task_progress(instance, task_id(&context)?).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(ProgressView {
        progress: progress.as_hundredths() / HUNDREDTHS,
        remain_time: remaining.as_millis().div_ceil(MILLIS),
        step_details: vec![StepView::of(&task)],
    }))
}

const HUNDREDTHS: u16 = 100;
const MILLIS: u128 = 1_000;

fn task_id(context: &RequestContext) -> Result<TaskId, Refusal> {
    context.path_part("task_id").parse().map_err(|_| Refusal::InvalidTaskId)
}

/// `GET …/jobs/{job_id}`: shows a job that an answer named.
async fn show_job(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    // What is no id is the id of no job.
    let unknown = Refusal::InvalidParameter { name: "job_id" };
    let job_id: JobId = context.path_part("job_id").parse().map_err(|_| unknown)?;
    let job = engine.get_job(project_id, job_id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(JobView::of(job)))
}

/// Says that something was removed; there is nothing more to say.
#[derive(Serialize, ToSchema)]
#[schema(as = Removed)]
struct RemovedView {
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BackgroundTasks)]
struct TasksView {
    /// A text, as the pages have it.
    task_count: String,
    tasks: Vec<TaskView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BackgroundTask)]
struct TaskView {
    id: String,
    name: String,
    /// Null for a task of a project.
    #[schema(value_type = Option<Object>)]
    details: Option<Value>,
    user_name: String,
    user_id: String,
    params: Option<&'static str>,
    status: &'static str,
    created_at: String,
    updated_at: String,
    enable_show: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProjectTasks)]
struct ProjectTasksView {
    task_count: String,
    tasks: Vec<ProjectTaskView>,
}

/// A task with what the list of a project has beside.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectTask)]
struct ProjectTaskView {
    #[serde(flatten)]
    task: TaskView,
    error_code: Option<String>,
    job_id: Option<String>,
}

impl ProjectTaskView {
    fn of(task: &BackgroundTask) -> Self {
        let job_id = task.job_id.map(|id| id.to_string());
        Self { task: TaskView::of(task), error_code: task.error_code.clone(), job_id }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = TaskProgress)]
struct ProgressView {
    /// In percent.
    progress: u16,
    /// In seconds, begun ones too.
    remain_time: u128,
    step_details: Vec<StepView>,
}

/// The task that checks a new size, and its step.
const RESIZE_CHECK: &str = "ResizePreCheck";
const CHECK_STEP: &str = "preCheck";

/// A step of a task. Each has one, as nothing is done behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskStep)]
struct StepView {
    step_id: &'static str,
    step_name: String,
    step_status: &'static str,
    begin_time: String,
    end_time: Option<String>,
    error_code: Option<String>,
    sub_step_details: Vec<&'static str>,
}

impl StepView {
    fn of(task: &BackgroundTask) -> Self {
        Self {
            step_id: "1",
            step_name: if task.name == RESIZE_CHECK { CHECK_STEP.to_owned() } else { task.name.clone() },
            step_status: match task.course() {
                Course::Succeeded => "FINISH",
                course => course_word(course),
            },
            begin_time: rfc3339(task.created_at),
            end_time: task.finished_at.map(rfc3339),
            error_code: task.error_code.clone(),
            sub_step_details: Vec::new(),
        }
    }
}

fn course_word(course: Course) -> &'static str {
    match course {
        // The pages have no word for it. It is in the manner of the others.
        Course::Waiting => "WAITING",
        Course::Running => "EXECUTING",
        Course::Succeeded => "SUCCESS",
        Course::Failed => "FAILED",
    }
}

/// Returns the word for where a job is.
pub(super) fn job_word(course: Course) -> &'static str {
    match course {
        Course::Waiting => "INIT",
        Course::Running => "RUNNING",
        Course::Succeeded => "SUCCESS",
        Course::Failed => "FAIL",
    }
}

impl TaskView {
    fn of(task: &BackgroundTask) -> Self {
        Self {
            id: task.id.to_string(),
            name: task.name.clone(),
            details: task.details.as_ref().map(details),
            user_name: task.creator.user_name.clone(),
            user_id: task.creator.user_id.clone(),
            params: None,
            status: course_word(task.course()),
            created_at: rfc3339(task.created_at),
            updated_at: rfc3339(task.finished_at.unwrap_or(task.created_at)),
            enable_show: true,
        }
    }
}

/// Tells what a task is about: every member is there, those of other kinds of tasks are null.
fn details(details: &TaskDetails) -> Value {
    let (old, new) = details.sizes.as_ref().map(|sizes| (&sizes.old, &sizes.new)).unzip();
    let (old_port, new_port) = details.ports.unzip();
    let (replica, subject) = (details.replica.as_ref(), &details.subject);
    let capacity = |size: Option<&TaskSize>| size.map(|size| size.capacity.as_gigabytes().to_string());
    let product = |size: Option<&TaskSize>| size.map(|size| size.spec_code.clone());
    let mode = |size: Option<&TaskSize>| size.map(|size| size.cache_mode.as_str());
    let copies = |size: Option<&TaskSize>| size.map(|size| size.copies);
    json!({
        "old_capacity": capacity(old), "new_capacity": capacity(new),
        "old_resource_spec_code": product(old), "new_resource_spec_code": product(new),
        "old_cache_mode": mode(old), "new_cache_mode": mode(new),
        "old_cache_type": mode(old), "new_cache_type": mode(new),
        "old_replica_num": copies(old), "new_replica_num": copies(new),
        "enable_public_ip": subject.enable_public_ip, "public_ip_id": subject.public_ip_id,
        "public_ip_address": subject.public_ip_address, "enable_ssl": subject.enable_ssl,
        "replica_ip": replica.map(|replica| &replica.ip).or(subject.replica_ip.as_ref()),
        "replica_az": replica.map(|replica| &replica.zone_code),
        "group_name": replica.map(|replica| &replica.group_name).or(subject.group_name.as_ref()),
        "old_port": old_port, "new_port": new_port, "is_only_adjust_charging": null,
        "account_name": subject.account_name, "source_ip": subject.source_ip, "target_ip": subject.target_ip,
        "node_name": subject.node_name, "rename_commands": [], "updated_config_length": null,
    })
}

/// Times are texts of Unix milliseconds.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct JobView {
    job_id: String,
    job_type: String,
    status: &'static str,
    begin_time: String,
    end_time: Option<String>,
    fail_reason: Option<String>,
}

impl JobView {
    fn of(job: Job) -> Self {
        Self {
            status: job_word(job.course()),
            job_id: job.id.to_string(),
            job_type: job.kind,
            begin_time: job.begun_at.as_millis().to_string(),
            end_time: job.ended_at.map(|at| at.as_millis().to_string()),
            fail_reason: job.fail_reason,
        }
    }
}
