//! Instance configuration: parameters, templates, tags, whitelist, scans, bandwidth, ssl.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.18, 2.19 and 2.22 to 2.24; docs/contract/dcs-v2.md, sections 2.8 to 2.10, 2.19 and 2.20.

pub(crate) mod bandwidth;
pub(crate) mod change;
pub(crate) mod parameters;
pub(crate) mod scans;
pub(crate) mod ssl;
pub(crate) mod tags;
pub(crate) mod templates;
pub(crate) mod whitelist;

use crate::http::api::config::change::JobView;
use crate::http::api::versions;
use crate::http::context::{endpoint, route};
use crate::http::route::{
    DELETE, GET, HEAD, Operation, POST, PUT, QueryParameter, RouteEntry, Tag, open, reading, text, writing,
};

/// Returns the routes.
#[expect(clippy::too_many_lines, reason = "one row an operation")]
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Settings", about: "Configuration of instances." };
    const TYPE: QueryParameter = text("type", "`sys` for the shipped ones, `user` for the project's own.")
        .required()
        .one_of(&["sys", "user"]);
    const CHANGE_TAGS: Operation = writing("batch_create_or_delete_tags", "dcs:instance:modify");
    TAG.routes([
        reading("list_configurations", "dcs:instance:getConfiguration")
            .summary("Shows the parameters of an instance")
            .both(GET, "/instances/{instance_id}/configs", endpoint(parameters::list_configs))
            .answers::<parameters::ConfigsView>(),
        writing("update_configurations", "dcs:instance:modifyConfigureation")
            .summary("Changes parameters, all that are named or none")
            .both(PUT, "/instances/{instance_id}/configs", endpoint(parameters::change_configs))
            .takes::<parameters::ConfigsBody>()
            .answers_nothing(),
        CHANGE_TAGS
            .summary("Sets or removes tags of an instance")
            .v1(POST, "/dcs/{instance_id}/tags/action", endpoint(tags::change_tags))
            .takes::<tags::ActionBody>()
            .answers_empty(),
        CHANGE_TAGS
            .summary("Sets or removes tags of an instance")
            .v2(POST, "/dcs/{instance_id}/tags/action", endpoint(tags::change_tags))
            .takes::<tags::ActionBody>()
            .answers_nothing(),
        reading("show_tags", "dcs:instance:get")
            .summary("Lists the tags of an instance")
            .both(GET, "/instances/{instance_id}/tags", endpoint(tags::list_tags))
            .answers::<tags::TagsView>(),
        reading("list_tags_of_tenant", "dcs:instance:list")
            .summary("Lists the keys of tags in a project, with their values")
            .both(GET, "/dcs/tags", endpoint(tags::list_project_tags))
            .answers::<tags::ProjectTagsView>(),
        reading("show_ip_whitelist", "dcs:instance:get")
            .summary("Shows which addresses may connect")
            .v2(GET, "/instance/{instance_id}/whitelist", endpoint(whitelist::show_whitelist))
            .answers::<whitelist::WhitelistView>(),
        writing("update_ip_whitelist", "dcs:instance:modify")
            .summary("Sets which addresses may connect")
            .v2(PUT, "/instance/{instance_id}/whitelist", endpoint(whitelist::change_whitelist))
            .takes::<whitelist::WhitelistBody>()
            .answers_nothing(),
        writing("update_instance_config", "dcs:instance:modifyConfigureation")
            .summary("Changes parameters, and names a job")
            .v2(PUT, "/instances/{instance_id}/async-configs", endpoint(parameters::change_configs_by_job))
            .takes::<parameters::ConfigsBody>()
            .answers::<JobView>(),
        writing("update_ip_whitelist_async", "dcs:instance:modify")
            .summary("Sets which addresses may connect, and names a job")
            .v2(PUT, "/instance/{instance_id}/whitelist-async", endpoint(whitelist::change_whitelist_by_job))
            .takes::<whitelist::WhitelistBody>()
            .answers::<JobView>(),
        reading("show_instance_ssl_detail", "dcs:instance:get")
            .summary("Shows whether connections are encrypted")
            .v2(GET, "/instances/{instance_id}/ssl", endpoint(ssl::show_encryption))
            .answers::<ssl::EncryptionView>(),
        writing("update_ssl_switch", "dcs:instance:modify")
            .summary("Has connections encrypted, or no longer")
            .v2(PUT, "/instances/{instance_id}/ssl", endpoint(ssl::switch_encryption))
            .takes::<ssl::SwitchBody>()
            .answers::<ssl::SwitchedView>(),
        reading("download_ssl_cert", "dcs:instance:get")
            .summary("Tells where the certificate can be fetched")
            .v2(POST, "/instances/{instance_id}/ssl-certs/download", endpoint(ssl::link_certificate))
            .answers::<ssl::CertificateView>(),
        writing("update_client_ip_transparent_transmission", "dcs:instance:modify")
            .summary("Has an instance see the addresses of its clients, or no longer")
            .v2(
                PUT,
                "/{instance_id}/client-ip-transparent-transmission",
                endpoint(whitelist::switch_client_ips),
            )
            .takes::<whitelist::ClientIpsBody>()
            .answers::<JobView>(),
        reading("list_rename_commands", "dcs:instance:get")
            .summary("Lists the commands that have another name")
            .v2(GET, "/instances/{instance_id}/rename-commands", endpoint(parameters::list_renamed_commands))
            .answers::<parameters::RenamedView>(),
        reading("show_bigkey_autoscan_config", "dcs:instance:get")
            .summary("Shows when big keys are looked for")
            .v2(GET, "/instances/{instance_id}/bigkey/autoscan", endpoint(scans::show_big_key_scan))
            .answers::<scans::DailyScanView>(),
        writing("update_bigkey_autoscan_config", "dcs:instance:modify")
            .summary("Sets when big keys are looked for")
            .v2(PUT, "/instances/{instance_id}/bigkey/autoscan", endpoint(scans::change_big_key_scan))
            .takes::<scans::DailyScanBody>()
            .answers::<scans::DailyScanView>(),
        reading("show_hotkey_autoscan_config", "dcs:instance:get")
            .summary("Shows when hot keys are looked for")
            .v2(GET, "/instances/{instance_id}/hotkey/autoscan", endpoint(scans::show_hot_key_scan))
            .answers::<scans::DailyScanView>(),
        writing("update_hotkey_auto_scan_config", "dcs:instance:modify")
            .summary("Sets when hot keys are looked for")
            .v2(PUT, "/instances/{instance_id}/hotkey/autoscan", endpoint(scans::change_hot_key_scan))
            .takes::<scans::DailyScanBody>()
            .answers::<scans::DailyScanView>(),
        reading("show_expire_auto_scan_config", "dcs:instance:get")
            .summary("Shows when expired keys are looked for")
            .v2(
                GET,
                "/instances/{instance_id}/scan-expire-keys/autoscan-config",
                endpoint(scans::show_expired_key_scan),
            )
            .answers::<scans::ExpiredKeyScanView>(),
        writing("update_expire_auto_scan_config", "dcs:instance:modify")
            .summary("Sets when expired keys are looked for")
            .v2(
                PUT,
                "/instances/{instance_id}/scan-expire-keys/autoscan-config",
                endpoint(scans::change_expired_key_scan),
            )
            .takes::<scans::ExpiredKeyScanBody>()
            .answers::<scans::ExpiredKeyScanView>(),
        reading("show_instance_bandwidth_auto_scaling_policy", "dcs:instance:get")
            .summary("Shows how bandwidth follows its use")
            .v2(
                GET,
                "/instances/{instance_id}/autoscaling-policy/bandwidth",
                endpoint(bandwidth::show_policy),
            )
            .answers::<bandwidth::PolicyForm>(),
        writing("update_instance_bandwidth_auto_scaling_policy", "dcs:instance:modify")
            .summary("Sets how bandwidth follows its use")
            .v2(
                PUT,
                "/instances/{instance_id}/autoscaling-policy/bandwidth",
                endpoint(bandwidth::change_policy),
            )
            .takes::<bandwidth::PolicyForm>()
            .answers::<bandwidth::PolicyForm>(),
        writing("delete_instance_bandwidth_auto_scaling_policy", "dcs:instance:modify")
            .summary("Lets bandwidth stay as it is")
            .v2(
                DELETE,
                "/instances/{instance_id}/autoscaling-policy/bandwidth",
                endpoint(bandwidth::delete_policy),
            )
            .answers_nothing(),
        reading("list_config_histories", "dcs:instance:getConfiguration")
            .summary("Lists the times at which parameters changed")
            .v2(GET, "/instances/{instance_id}/config-histories", endpoint(parameters::list_histories))
            .query(versions::PAGE_QUERY)
            .answers::<parameters::HistoriesView>(),
        reading("show_config_history_detail", "dcs:instance:getConfiguration")
            .summary("Shows what changed at one time")
            .v2(
                GET,
                "/instances/{instance_id}/config-histories/{history_id}",
                endpoint(parameters::show_history),
            )
            .answers::<parameters::HistoryDetailView>(),
        reading("list_config_templates", "dcs:instance:getConfiguration")
            .summary("Lists templates of parameters")
            .v2(GET, "/config-templates", endpoint(templates::list_templates))
            .query(&[TYPE])
            .query(versions::PAGE_QUERY)
            .query(&[
                text("name", "Only templates with this in their name."),
                text("description", "Only templates with this in their description."),
                text("template_id", "Only the template with this id."),
                text("engine", "Only templates of this engine."),
                text("engine_version", "Only templates of this version."),
                text("cache_mode", "Only templates of this mode."),
            ])
            .answers::<templates::TemplatesView>(),
        writing("create_custom_template", "dcs:instance:modifyConfigureation")
            .summary("Makes a template from another one")
            .v2(POST, "/config-templates", endpoint(templates::create_template))
            .takes::<templates::TemplateBody>()
            .answers::<templates::CreatedView>()
            .accepts_id(),
        reading("show_config_template", "dcs:instance:getConfiguration")
            .summary("Shows a template with its parameters")
            .v2(GET, "/config-templates/{template_id}", endpoint(templates::show_template))
            .query(&[TYPE])
            .answers::<templates::DetailView>(),
        writing("update_config_template", "dcs:instance:modifyConfigureation")
            .summary("Changes a template of the project's own")
            .v2(PUT, "/config-templates/{template_id}", endpoint(templates::change_template))
            .takes::<templates::TemplateBody>()
            .answers::<templates::DoneView>(),
        writing("delete_config_template", "dcs:instance:modifyConfigureation")
            .summary("Removes a template of the project's own")
            .v2(DELETE, "/config-templates/{template_id}", endpoint(templates::delete_template))
            .answers::<templates::DoneView>(),
        open("download_certificate")
            .summary("Downloads the certificate, in an archive")
            .at(GET, ssl::ARCHIVE_PATH, route(ssl::download))
            .at(HEAD, ssl::ARCHIVE_PATH, route(ssl::download))
            .answers_any(200, "application/octet-stream"),
    ])
}
