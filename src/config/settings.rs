//! The table of settings.

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name, which is its key in the file.
    pub key: &'static str,
    /// What its value is, for the help.
    pub value: &'static str,
    /// The value it has when nothing sets it.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// The value of settings that are off unless something sets them.
const UNSET: &str = "";

const fn setting(
    key: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, value, default, help }
}

/// Every setting.
pub const SETTINGS: [Setting; 31] = [
    setting("listen", "ADDRESS:PORT", "127.0.0.1:8637", "Where to listen; port 0 lets the system choose one"),
    setting(
        "database",
        "URL",
        "sqlite://dcs-emulator.db",
        "sqlite://PATH, or sqlite::memory: to keep nothing",
    ),
    setting(
        "seed",
        "FILE",
        UNSET,
        "YAML or JSON file of projects and instances to create if they are not there; - reads YAML from standard input; \
         repeatable, in the variable separated by commas",
    ),
    setting(
        "demo",
        "true|false",
        "false",
        "Create a small project to try things with, and show a request that works",
    ),
    setting(
        "ready_file",
        "FILE",
        UNSET,
        "Write url, control_url, pid and version there, as JSON, once requests are served",
    ),
    setting("log_format", "text|json", "text", "How log lines look; they go to stderr"),
    setting(
        "log_level",
        "FILTER",
        "info",
        "Which log lines are written: error, warn, info, debug, trace, or by module: warn,dcs_emulator=debug",
    ),
    setting("region", "NAME", "eu-de", "The region, which also names the default project and the zones"),
    setting(
        "auth",
        "off|lenient|strict",
        "lenient",
        "Who is let in: everybody; everybody but those who misuse credentials of the emulator; only those with good credentials",
    ),
    setting(
        "auto_projects",
        "true|false",
        UNSET,
        "Whether every well-formed project id works, or only projects that a seed names (others: DCS.1004); unset: every one unless \
         auth is strict",
    ),
    setting(
        "public_url",
        "URL",
        UNSET,
        "Where clients reach the server, for links and the catalogue; unset: what each request names as its host",
    ),
    setting(
        "backup.enabled",
        "true|false",
        "true",
        "Whether backups are possible at all; if not they are refused with DCS.4095",
    ),
    setting(
        "backup.cluster",
        "never|v2|always",
        "v2",
        "Which version of the API may back up clusters; v1.0 refuses them unless this says always",
    ),
    setting(
        "backup.duration",
        "DURATION",
        "0s",
        "How long a backup takes, such as 500ms or 2m; a tenth of it is spent waiting",
    ),
    setting(
        "backup.keep",
        "unlimited|NUMBER",
        "unlimited",
        "How many usable backups of an instance stay; older ones expire",
    ),
    setting(
        "restore.duration",
        "DURATION",
        "0s",
        "How long a restore takes; the instance is RESTORING meanwhile",
    ),
    setting(
        "instances.unique_names",
        "true|false",
        "true",
        "Whether an instance is refused that has the name of another one of its project",
    ),
    setting(
        "instance.allow_cluster_extend",
        "true|false",
        "true",
        "Whether clusters can be given another size; if not that is refused with DCS.4102",
    ),
    setting("naming.utc_offset", "OFFSET", "+08:00", "The zone of the time in the names of records"),
    setting(
        "errors.code_style",
        "legacy|dcs",
        "legacy",
        "Which codes v1.0 errors carry: 111400096 or DCS.4096",
    ),
    setting(
        "errors.add_v2_fields",
        "true|false",
        "true",
        "Whether v1.0 errors carry error_code and error_msg as well",
    ),
    setting(
        "compat.status_action_204",
        "true|false",
        "false",
        "Whether v1.0 answers status actions with 204 and no body, as one client insists on",
    ),
    setting(
        "compat.batch_delete_204",
        "true|false",
        "false",
        "Whether v1.0 answers batch deletions with 204 and no body, as one client insists on",
    ),
    setting(
        "control.enabled",
        "true|false",
        "true",
        "Whether there is a control API; if not its routes answer 404, and X-Emulator-Id is refused",
    ),
    setting(
        "control.listen",
        "ADDRESS:PORT",
        UNSET,
        "Where the control API listens, and only there; port 0 lets the system choose one; unset: where everything does",
    ),
    setting(
        "control.token",
        "TEXT",
        UNSET,
        "What callers of the control API must send as X-Emulator-Token; unset: nothing",
    ),
    setting(
        "control.allowed_hosts",
        "HOST",
        UNSET,
        "Names with a dot by which the control API and browsers are served, and whose pages may call it, such as ci.example.test or \
         *.example.test; *.localhost and *.internal need no mention; repeatable, or separated by commas",
    ),
    setting("journal.limit", "NUMBER", "1000", "How many calls the journal keeps in memory; 0 keeps none"),
    setting("http.body_limit", "SIZE", "1MiB", "The longest request body, in bytes or with KiB or MiB"),
    setting("http.body_timeout", "DURATION", "30s", "How long a request body may take to arrive"),
    setting("http.workers", "NUMBER", "0", "How many threads serve requests; 0 means one a processor"),
];

impl Setting {
    /// Returns whether its value is nobody else's business: it is shown nowhere.
    pub fn is_secret(&self) -> bool {
        self.key == "control.token"
    }

    /// Returns whether it may have several values: its flag is repeatable, its variable holds them between commas.
    pub fn is_list(&self) -> bool {
        ["seed", "control.allowed_hosts"].contains(&self.key)
    }

    /// Returns the name of its flag, without the dashes in front.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// Returns the name of its variable.
    pub fn variable(&self) -> String {
        format!("DCS_EMULATOR_{}", self.key.replace('.', "_").to_uppercase())
    }
}
