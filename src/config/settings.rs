//! The table of settings: each is a field of [`Config`], whose comment is its help. Its key in the file, its flag and its variable
//! follow from the name of the field.

#![expect(clippy::doc_markdown, reason = "the comments are the help, which is no markdown")]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Arg, ArgAction, Args, Command, ValueEnum, value_parser};

use super::value::ListenAddress;
use super::{Given, GivenSettings, value};
use crate::domain::catalogue::Offers;
use crate::domain::identity::Secret;
use crate::domain::time::UtcOffset;
use crate::engine::ClusterBackups;
use crate::engine::identity::{AuthClock, AuthMode};
use crate::http::HostPattern;
use crate::http::server::CodeStyle;
use crate::http::tls::TlsMode;
use crate::store::sqlite::Location;

/// How the program is to run: the value of every setting.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Config {
    /// Where to listen: an address, or a name such as localhost, which stands for all addresses of this machine that it has; port
    /// 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8637", value_parser = value::address)]
    pub listen: ListenAddress,
    /// sqlite://PATH, or sqlite::memory: to keep nothing
    #[arg(long, value_name = "URL", default_value = "sqlite://dcs-emulator.db")]
    pub database: Location,
    /// YAML or JSON file of projects and instances to create if they are not there; - reads YAML from standard input;
    /// repeatable, in the variable separated by commas
    #[arg(long, value_name = "FILE")]
    pub seed: Vec<String>,
    /// Create a small project to try things with, and show a request that works
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub demo: bool,
    /// Write url, tls_url, control_url, pid and version there, as JSON, once requests are served
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// How log lines look; they go to stderr
    #[arg(long, value_name = "text|json", default_value = "text")]
    pub log_format: LogFormat,
    /// Which log lines are written: error, warn, info, debug, trace, or by module: warn,dcs_emulator=debug
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = value::log_filter)]
    pub log_level: String,
    /// Which cloud this is like, where they differ: what region, cloud.products and auth_gateway are unless they are set
    #[arg(long, value_name = "otc|huaweicloud", default_value = "otc")]
    pub cloud_profile: CloudProfile,
    /// What is sold beside x86 products of Redis 4.0 and later: all, none, or some of redis-3.0, memcached, arm64 and enterprise,
    /// separated by commas; huaweicloud: arm64,enterprise
    #[arg(long, value_name = "PRODUCTS", default_value = "redis-3.0")]
    pub cloud_products: Offers,
    /// The region, which also names the default project and the zones; huaweicloud: cn-north-4
    #[arg(long, value_name = "NAME", default_value = "eu-de", value_parser = value::region)]
    pub region: String,
    /// Who is let in: everybody; everybody but those who misuse credentials of the emulator; only those with good credentials
    #[arg(long, value_name = "off|lenient|strict", default_value = "lenient", value_parser = value::choice(&[
        ("off", AuthMode::Off),
        ("lenient", AuthMode::Lenient),
        ("strict", AuthMode::Strict),
    ]))]
    pub auth: AuthMode,
    /// By which clock tokens, temporary keys and the dates of signatures end: the real one, or the emulator's, which a test moves
    #[arg(long, value_name = "real|emulator", default_value = "real", value_parser = value::choice(&[
        ("real", AuthClock::Real),
        ("emulator", AuthClock::Emulator),
    ]))]
    pub auth_clock: AuthClock,
    /// Whether strict refuses credentials and unknown paths in the words of the gateway in front of the cloud: APIGW.0301, APIGW.0101;
    /// huaweicloud: true
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub auth_gateway: bool,
    /// Whether every well-formed project id works, or only projects that a seed names (others: DCS.1004); unset: every one
    /// unless auth is strict
    #[arg(long, value_name = BOOLEAN)]
    pub auto_projects: Option<bool>,
    /// Where clients reach the server and all its services, for links and the catalogue; unset: what each request names as its
    /// host
    #[arg(long, value_name = "URL", value_parser = value::url)]
    pub public_url: Option<String>,
    /// Whether backups are possible at all; if not they are refused with DCS.4095
    #[arg(long, value_name = BOOLEAN, default_value = "true", action = ArgAction::Set)]
    pub backup_enabled: bool,
    /// Which version of the API may back up clusters; v1.0 refuses them unless this says always
    #[arg(long, value_name = "never|v2|always", default_value = "v2", value_parser = value::choice(&[
        ("never", ClusterBackups::Never),
        ("v2", ClusterBackups::V2),
        ("always", ClusterBackups::Always),
    ]))]
    pub backup_cluster: ClusterBackups,
    /// How long a backup takes, such as 500ms or 2m; a tenth of it is spent waiting
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration)]
    pub backup_duration: Duration,
    /// How many usable backups of an instance stay; older ones expire
    // The whole path, since `Option` alone would mean that the flag may be missing.
    #[arg(long, value_name = "unlimited|NUMBER", default_value = "unlimited", value_parser = value::retained)]
    pub backup_keep: std::option::Option<u32>,
    /// How long a restore takes; the instance is RESTORING meanwhile
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration)]
    pub restore_duration: Duration,
    /// How long background work takes that has no duration of its own: analyses, accounts, migrations and the like
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration)]
    pub task_duration: Duration,
    /// Whether an instance is refused that has the name of another one of its project
    #[arg(long, value_name = BOOLEAN, default_value = "true", action = ArgAction::Set)]
    pub instances_unique_names: bool,
    /// Whether clusters can be given another size; if not that is refused with DCS.4102
    #[arg(long, value_name = BOOLEAN, default_value = "true", action = ArgAction::Set)]
    pub instance_allow_cluster_extend: bool,
    /// Whether an instance may name a VPC, subnet or security group that its project has not, or is refused for that
    #[arg(long, value_name = "lenient|strict", default_value = "lenient")]
    pub network_mode: NetworkMode,
    /// The zone of the time in the names of records
    #[arg(long, value_name = "OFFSET", default_value = "+08:00")]
    pub naming_utc_offset: UtcOffset,
    /// Which codes v1.0 errors carry: 111400096 or DCS.4096
    #[arg(long, value_name = "legacy|dcs", default_value = "legacy", value_parser = value::choice(&[
        ("legacy", CodeStyle::Legacy),
        ("dcs", CodeStyle::Dcs),
    ]))]
    pub errors_code_style: CodeStyle,
    /// Whether v1.0 errors carry error_code and error_msg as well
    #[arg(long, value_name = BOOLEAN, default_value = "true", action = ArgAction::Set)]
    pub errors_add_v2_fields: bool,
    /// Whether v1.0 answers status actions with 204 and no body, as one client insists on
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub compat_status_action_204: bool,
    /// Whether v1.0 answers batch deletions with 204 and no body, as one client insists on
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub compat_batch_delete_204: bool,
    /// Whether v2 answers the change of a whitelist with 200 and {}, as some revisions of its page do, in place of 204
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub compat_whitelist_200: bool,
    /// Whether an upgrade of minor versions that are the latest is refused with DCS.4053, in place of a task that has ended
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub compat_upgrade_4053: bool,
    /// Whether hot keys are looked for only while maxmemory-policy is allkeys-lfu or volatile-lfu (else DCS.4922)
    #[arg(long, value_name = BOOLEAN, default_value = "false", action = ArgAction::Set)]
    pub compat_hotkey_needs_lfu: bool,
    /// Whether there is a control API; if not its routes answer 404, and X-Emulator-Id is refused
    #[arg(long, value_name = BOOLEAN, default_value = "true", action = ArgAction::Set)]
    pub control_enabled: bool,
    /// Where the control API listens, and only there; port 0 lets the system choose one; unset: where everything does
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = value::address)]
    pub control_listen: Option<ListenAddress>,
    /// What callers of the control API must send as X-Emulator-Token; unset: nothing
    #[arg(long, value_name = "TEXT", value_parser = value::secret)]
    pub control_token: Option<Secret>,
    /// Names with a dot by which the control API and browsers are served, and whose pages may call it, such as ci.example.test
    /// or *.example.test; *.localhost and *.internal need no mention; repeatable, or separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub control_allowed_hosts: Vec<HostPattern>,
    /// How many calls the journal keeps in memory; 0 keeps none
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value::up_to(1_000_000))]
    pub journal_limit: usize,
    /// The longest request body, in bytes or with KiB or MiB
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = value::size)]
    pub http_body_limit: usize,
    /// How long a request body may take to arrive; of the file of a snapshot, each MiB of it
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::patience)]
    pub http_body_timeout: Duration,
    /// How many threads serve requests; 0 means one a processor
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = value::up_to(1024))]
    pub http_workers: usize,
    /// Whether there is HTTPS, too: with certificates of the emulator's own authority, which dcs-emulator ca prints, or with the
    /// certificate that is given
    #[arg(long, value_name = "off|self-signed|files", default_value = "off", value_parser = value::choice(&[
        ("off", TlsMode::Off),
        ("self-signed", TlsMode::SelfSigned),
        ("files", TlsMode::Files),
    ]))]
    pub tls_mode: TlsMode,
    /// Where HTTPS listens: as --listen; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8643", value_parser = value::address)]
    pub tls_listen: ListenAddress,
    /// The certificate of tls.mode files: a chain in PEM, that of the server first
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The key of that certificate, in PEM and not encrypted
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The text of each setting, that of secrets masked, with its origin, in the order of [`SETTINGS`].
    #[arg(skip)]
    pub(super) given: Vec<(&'static Setting, Given)>,
}

/// The clouds that offer the service. Source: docs/clouds.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CloudProfile {
    /// Open Telekom Cloud.
    Otc,
    /// Huawei Cloud.
    #[value(name = "huaweicloud")]
    HuaweiCloud,
}

impl CloudProfile {
    /// Returns the one that is set, if one is that there is.
    pub(super) fn of(given: &GivenSettings) -> Option<Self> {
        Self::from_str(given.get("cloud.profile")?.texts.last()?, false).ok()
    }

    /// Returns the value that a setting has in this cloud unless it is set, if that is another than usual.
    pub(super) fn default_of(self, key: &str) -> Option<&'static str> {
        match (self, key) {
            (Self::HuaweiCloud, "region") => Some("cn-north-4"),
            (Self::HuaweiCloud, "cloud.products") => Some("arm64,enterprise"),
            (Self::HuaweiCloud, "auth_gateway") => Some("true"),
            _ => None,
        }
    }
}

/// What of the network of its project an instance may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NetworkMode {
    /// Anything.
    Lenient,
    /// What there is.
    Strict,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What the value of a setting is that is true or false.
const BOOLEAN: &str = "true|false";

/// The sections of the file, with the heading under which the help has their settings.
const SECTIONS: [(&str, &str); 14] = [
    ("cloud", "Server"),
    ("backup", "Backups and restores"),
    ("restore", "Backups and restores"),
    ("task", "Backups and restores"),
    ("naming", "Backups and restores"),
    ("instance", "Instances"),
    ("instances", "Instances"),
    ("network", "Instances"),
    ("errors", "Errors and compatibility"),
    ("compat", "Errors and compatibility"),
    ("control", "Control API"),
    ("journal", "Control API"),
    ("http", "Requests"),
    ("tls", "HTTPS"),
];

/// Every setting, in the order of the fields of [`Config`].
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let table = Config::augment_args(Command::new("settings"));
    table.get_arguments().map(Setting::new).collect()
});

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its key in the file.
    pub key: String,
    /// What its value is, for the help.
    pub value: String,
    /// The value it has when nothing sets it; empty if it is off then.
    pub default: String,
    /// What it does.
    pub help: String,
    /// Its flag, which takes any text; [`Config::new`] reads that.
    pub argument: Arg,
}

impl Setting {
    fn new(field: &Arg) -> Self {
        let name = field.get_id().as_str();
        let section = name.split_once('_').and_then(|(first, rest)| {
            let (section, heading) = SECTIONS.iter().find(|(section, _)| *section == first)?;
            Some((format!("{section}.{rest}"), *heading))
        });
        let (key, heading) = section.unwrap_or_else(|| (name.to_owned(), "Server"));
        let default: String = field.get_default_values().iter().map(|text| text.to_string_lossy()).collect();
        let value = field.get_value_names().into_iter().flatten().map(clap::builder::Str::as_str).collect();
        let argument = field
            .clone()
            .value_parser(value_parser!(String))
            .env(format!("{PREFIX}{}", name.to_uppercase()))
            .hide_env_values(true)
            .help_heading(heading);
        let mut setting = Self {
            key,
            value,
            default,
            help: field.get_help().map(ToString::to_string).unwrap_or_default(),
            argument,
        };
        if setting.value == BOOLEAN {
            // `--demo` alone says true.
            let argument = setting.argument.num_args(0..=1).require_equals(true);
            setting.argument = argument.default_missing_value("true");
        }
        setting
    }

    /// Returns whether its value is nobody else's business: it is shown nowhere.
    pub fn is_secret(&self) -> bool {
        self.key == "control.token"
    }

    /// Returns whether it may have several values: its flag is repeatable, its variable holds them between commas.
    pub fn is_list(&self) -> bool {
        matches!(self.argument.get_action(), ArgAction::Append)
    }

    /// Returns the name of its flag, without the dashes in front.
    pub fn flag(&self) -> &str {
        self.argument.get_long().unwrap_or_default()
    }

    /// Returns the name of its variable.
    pub fn variable(&self) -> String {
        self.argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The beginning of the names of variables.
const PREFIX: &str = "DCS_EMULATOR_";
/// Variables of the program that are no settings.
const OTHER_VARIABLES: [&str; 5] = ["CONFIG", "URL", "TLS_URL", "CONTROL_URL", "PROJECT_ID"];
/// Beginnings of the variables that container platforms set for a service that is called dcs-emulator.
const PLATFORM_VARIABLES: [&str; 4] = ["PORT_", "SERVICE_", "NAME", "ENV_"];
/// How the value of one begins that they call `PORT`.
const PLATFORM_PORT: &str = "tcp://";

/// Returns those of the variables that look like settings and are none, each with the nearest one that is.
pub fn unknown_variables(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, Option<String>)> {
    let settings: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    let known: Vec<&str> =
        settings.iter().filter_map(|name| name.strip_prefix(PREFIX)).chain(OTHER_VARIABLES).collect();
    let unknown = variables.into_iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix(PREFIX)?;
        let is_known = known.contains(&rest)
            || PLATFORM_VARIABLES.iter().any(|beginning| rest.starts_with(beginning))
            || rest == "PORT" && value.starts_with(PLATFORM_PORT);
        let nearest = nearest(rest, &known).map(|nearest| format!("{PREFIX}{nearest}"));
        (!is_known).then_some((name, nearest))
    });
    unknown.collect()
}

/// Returns the name that is most like a misspelt one, if any is.
pub(super) fn nearest<T: AsRef<str>>(misspelt: &str, names: impl IntoIterator<Item = T>) -> Option<String> {
    /// How alike they have to be, of 1; clap has the same for flags.
    const LIKENESS: f64 = 0.7;
    /// What is longer than any name, in bytes, is not compared.
    const LONGEST: usize = 100;
    let likeness = |name: T| (strsim::jaro(misspelt, name.as_ref()), name.as_ref().to_owned());
    let names = names.into_iter().filter(|_| misspelt.len() <= LONGEST).map(likeness);
    let nearest = names.max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.filter(|(likeness, _)| *likeness > LIKENESS).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_no_setting_has_is_named_with_the_nearest() {
        let named = |name: &str| unknown_variables([(name.to_owned(), "tcp://10.0.0.1:8637".to_owned())]);
        for (name, nearest) in [
            ("DCS_EMULATOR_BACKUP_DURATON", Some("DCS_EMULATOR_BACKUP_DURATION")),
            ("DCS_EMULATOR_DATABSE", Some("DCS_EMULATOR_DATABASE")),
            ("DCS_EMULATOR_WORKERS", Some("DCS_EMULATOR_HTTP_WORKERS")),
            ("DCS_EMULATOR_XYZ", None),
        ] {
            assert_eq!(named(name), [(name.to_owned(), nearest.map(str::to_owned))]);
        }
        let known = [
            "DCS_EMULATOR_LISTEN",
            "DCS_EMULATOR_READY_FILE",
            "DCS_EMULATOR_URL",
            "DCS_EMULATOR_CONFIG",
            "PATH",
        ];
        for name in known.into_iter().chain(["DCS_EMULATOR_SERVICE_HOST", "DCS_EMULATOR_PORT"]) {
            assert_eq!(named(name), [], "{name}");
        }
    }
}
