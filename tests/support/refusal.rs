//! What errors look like on the wire, written down from the contract's table and not from the program's.

use serde_json::{Value, json};

/// An error as the API shows it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code of the `DCS.` family.
    pub(crate) code: &'static str,
    /// The numeric twin, which v1.0 shows.
    pub(crate) legacy: &'static str,
    /// The text.
    pub(crate) message: &'static str,
    /// The name of the parameter in the text's place `{0}`.
    pub(crate) parameter: &'static str,
}

const fn row(status: u16, code: &'static str, legacy: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, legacy, message, parameter: "" }
}

pub(crate) const UNKNOWN_ROUTE: Refusal =
    row(404, "DCS.4001", "111404001", "The requested URL does not exist.");
pub(crate) const METHOD_NOT_ALLOWED: Refusal =
    row(405, "DCS.5001", "111405001", "This request method is not allowed.");
pub(crate) const INVALID_PROJECT_ID: Refusal =
    row(400, "DCS.4002", "111400002", "Invalid project ID format.");
pub(crate) const INVALID_INSTANCE_ID: Refusal =
    row(400, "DCS.4061", "111400061", "Invalid instance ID format.");
pub(crate) const INVALID_BODY: Refusal = row(
    400,
    "DCS.4005",
    "111400005",
    "The message body contains invalid characters or is not in JSON format.",
);
/// `decisions` no. 22: the row of an invalid body with a status of its own.
pub(crate) const BODY_TOO_LARGE: Refusal = Refusal { status: 413, ..INVALID_BODY };
pub(crate) const REMARK_TOO_LONG: Refusal = row(
    400,
    "DCS.4098",
    "111400098",
    "The value of the remark parameter must be 0 to 128 characters in length.",
);
pub(crate) const INSTANCE_NOT_FOUND: Refusal =
    row(404, "DCS.3022", "111404022", "This DCS instance does not exist.");
/// The tables have no row for an unknown backup: it is the one of an unknown path.
pub(crate) const BACKUP_NOT_FOUND: Refusal = UNKNOWN_ROUTE;
pub(crate) const BACKUP_SWITCHED_OFF: Refusal =
    row(400, "DCS.4095", "111400095", "the system is not support backup and restore.");
pub(crate) const ONLY_MASTER_STANDBY: Refusal =
    row(400, "DCS.4086", "111400086", "only master standby instance is support this action");
pub(crate) const BACKING_UP: Refusal = row(400, "DCS.4096", "111400096", "the instance is backuping.");
pub(crate) const RESTORING: Refusal = row(400, "DCS.4097", "111400097", "the instance is restoring.");
pub(crate) const ANALYSING: Refusal =
    row(400, "DCS.4231", "DCS.4231", "the instance is analyzing keys offline.");
pub(crate) const RESTARTING: Refusal = row(400, "DCS.4111", "111400111", "the instance is restarting.");
pub(crate) const EXTENDING: Refusal = row(400, "DCS.4113", "111400113", "the instance is extending.");
pub(crate) const CREATING: Refusal = row(400, "DCS.4118", "111400118", "the instance is creating.");
pub(crate) const WRONG_STATE: Refusal = row(
    400,
    "DCS.4026",
    "111400026",
    "This operation is not allowed when the DCS instance is in the current state.",
);

pub(crate) const WEAK_PASSWORD: Refusal =
    row(400, "DCS.4019", "111400019", "The password does not meet complexity requirements.");
pub(crate) const PASSWORD_FREE: Refusal = row(
    400,
    "DCS.4850",
    "111400850",
    "This operation is not supported when Password-Free Access is enabled for the instance.",
);
pub(crate) const INVALID_SPEC_CODE: Refusal =
    row(400, "DCS.4927", "DCS.4927", "The param spec_code is invalid");
pub(crate) const RESIZE_UNSUPPORTED: Refusal =
    row(400, "DCS.4102", "111400102", "The system is not support resize.");
pub(crate) const MEMORY_QUOTA: Refusal =
    row(400, "DCS.4036", "111400036", "Memory quota of the tenant is insufficient.");
pub(crate) const INVALID_TASK_ID: Refusal = row(400, "DCS.4070", "111400070", "Invalid task ID format.");
pub(crate) const TASK_RUNNING: Refusal =
    row(400, "DCS.4017", "111400017", "This DCS instance job task is still running.");
pub(crate) const TASK_STATE: Refusal =
    row(400, "DCS.4957", "DCS.4957", "This operation is not allowed when the task is in the current state.");
pub(crate) const INVALID_ACTION: Refusal =
    row(400, "DCS.4064", "111400064", "The action parameter in the request must be start, stop, or restart.");
pub(crate) const NO_INSTANCES: Refusal = row(
    400,
    "DCS.4065",
    "111400065",
    "The instances parameter in the request cannot be a null value or left unspecified.",
);
pub(crate) const TOO_MANY_INSTANCES: Refusal =
    row(400, "DCS.4100", "111400100", "The number of instance IDs in an instances array cannot exceed 50.");
pub(crate) const TOO_MANY_TAGS: Refusal =
    row(400, "DCS.4039", "111400039", "The quota limit has been reached.");
pub(crate) const RESERVED_MEMORY_TOO_LARGE: Refusal = row(
    400,
    "DCS.4105",
    "111400105",
    "The value of reserved-memory cannot be greater than the free memory size of this DCS instance.",
);
pub(crate) const ENCRYPTION_UNSUPPORTED: Refusal = row(400, "DCS.4201", "DCS.4201", "Do not support SSL.");
pub(crate) const INVALID_ENCRYPTION: Refusal =
    row(400, "DCS.4202", "DCS.4202", "ssl request params are invalid.");
pub(crate) const CLIENT_IPS_UNSUPPORTED: Refusal =
    row(400, "DCS.4841", "DCS.4841", "Instance do not support client ip transparent transmission.");
pub(crate) const TOO_MANY_REPLICAS: Refusal =
    row(400, "DCS.4875", "DCS.4875", "Create replication number exceed max number limit.");
pub(crate) const NOT_A_REPLICA: Refusal =
    row(400, "DCS.4931", "DCS.4931", "Node is not replica, can't delete.");
pub(crate) const MASTER_NODE: Refusal = row(400, "DCS.4936", "DCS.4936", "The master node cannot be deleted");
pub(crate) const ONLY_REPLICA: Refusal =
    row(400, "DCS.4937", "DCS.4937", "Only has one slave node,can not delete");
pub(crate) const UNKNOWN_ZONE: Refusal = row(400, "DCS.4042", "111400042", "This AZ does not exist.");
pub(crate) const ONE_ZONE_ONLY: Refusal = row(
    400,
    "DCS.4067",
    "111400067",
    "The available_zones parameter in the request must an array that contains only one AZ ID.",
);
pub(crate) const INVALID_VPC: Refusal = row(400, "DCS.4013", "111400013", "Invalid vpc_id in the request.");
pub(crate) const INVALID_SUBNET: Refusal =
    row(400, "DCS.4016", "111400016", "Invalid subnet_id in the request.");
pub(crate) const TEMPLATE_NOT_FOUND: Refusal =
    row(400, "DCS.4988", "DCS.4988", "The config template does not exist.");
pub(crate) const INVALID_SCAN_START: Refusal = row(
    400,
    "DCS.4819",
    "DCS.4819",
    "The first_scan_at parameter is invalid.  Its must be ISO format utc date-time. The time must be later than the current time.",
);
pub(crate) const INVALID_SCAN_INTERVAL: Refusal =
    row(400, "DCS.4820", "DCS.4820", "The interval parameter is invalid. must Greater than or equal to 0.");
pub(crate) const INVALID_SCAN_TIMEOUT: Refusal = row(
    400,
    "DCS.4821",
    "DCS.4821",
    "The timeout parameter is invalid. Its must Greater than or equal to interval * 2, if interval is 0, timeout must Greater than 1 second.",
);
pub(crate) const INVALID_SCAN_KEYS: Refusal = row(
    400,
    "DCS.4822",
    "DCS.4822",
    "The scan_keys_count parameter is invalid. Its must Greater than or equal to 10, and Less than or equal to 1000.",
);
pub(crate) const EMPTY_BODY: Refusal = row(400, "DCS.4004", "111400004", "Empty request body.");
pub(crate) const INTERNAL: Refusal = row(500, "DCS.5000", "111500000", "Internal service error.");
pub(crate) const BACKUP_NOT_USABLE: Refusal =
    row(400, "DCS.4087", "111400087", "the backup record status is err when restore this instance");
/// What v2 says of an unknown backup that is to be deleted. It has no twin, and v1.0 never says it.
pub(crate) const NO_SUCH_BACKUP_TO_DELETE: Refusal =
    row(400, "DCS.4031", "DCS.4031", "The backup record does not exist.");
/// What v2 says of a window of time that begins after its end; v1.0 has an empty list then.
pub(crate) const WINDOW_REVERSED: Refusal =
    row(400, "DCS.4025", "DCS.4025", "The end time must be after the start time.");
pub(crate) const INVALID_TOKEN: Refusal = row(401, "DCS.1001", "111401001", "Invalid token.");
pub(crate) const TOKEN_EXPIRED: Refusal = row(401, "DCS.1002", "111401002", "Token expired.");
pub(crate) const NO_TOKEN: Refusal = row(401, "DCS.1003", "111401003", "No token in the request.");
pub(crate) const OTHER_PROJECT: Refusal =
    row(401, "DCS.1004", "111401004", "Project ID does not match the token.");
pub(crate) const NO_ROLE: Refusal =
    row(403, "DCS.2003", "111403003", "This role does not have the permission to perform this operation.");
pub(crate) const READ_ONLY: Refusal = row(
    403,
    "DCS.3002",
    "111403002",
    "This tenant has read permission only and cannot perform this operation.",
);

/// An action that a policy denies.
pub(crate) const fn action_denied(action: &'static str) -> Refusal {
    let row = row(403, "DCS.2007", "DCS.2007", "Policy does not allow {0} to be performed.");
    Refusal { parameter: action, ..row }
}

/// What v2 says of a query parameter with a value it cannot have.
pub(crate) const fn invalid(name: &'static str) -> Refusal {
    let row = row(400, "DCS.4800", "111400800", "Invalid {0} in the request.");
    Refusal { parameter: name, ..row }
}

/// A query parameter with a value it cannot have.
pub(crate) const fn invalid_query(name: &'static str) -> Refusal {
    let row = row(400, "DCS.4062", "111400062", "Invalid {0} parameter in the request.");
    Refusal { parameter: name, ..row }
}

/// A refusal that one test alone knows, of a code without a twin.
pub(crate) const fn other(code: &'static str, message: &'static str) -> Refusal {
    row(400, code, code, message)
}

/// A configuration parameter that is none of the instance's, or cannot have the value.
pub(crate) const fn invalid_configuration(name: &'static str) -> Refusal {
    let row = row(400, "DCS.4066", "111400066", "Invalid value of the configure parameter {0}.");
    Refusal { parameter: name, ..row }
}

/// A part of the path or a member of the body with a value it cannot have.
pub(crate) const fn invalid_parameter(name: &'static str) -> Refusal {
    let row = row(400, "DCS.4063", "111400063", "Invalid {0} parameter in the request.");
    Refusal { parameter: name, ..row }
}

/// Returns the refusal of what an instance in a state does not permit.
pub(crate) fn of_state(status: &str) -> Refusal {
    match status {
        "CREATING" => CREATING,
        "RESTARTING" => RESTARTING,
        "EXTENDING" => EXTENDING,
        "RESTORING" => RESTORING,
        _ => WRONG_STATE,
    }
}

impl Refusal {
    /// Returns the text, its place filled.
    pub(crate) fn text(&self) -> String {
        self.message.replace("{0}", self.parameter)
    }

    /// Returns the body that v1.0 has with default settings: its own shape and that of v2 in one.
    pub(crate) fn v1_body(&self) -> Value {
        let text = self.text();
        json!({
            "error": {"code": self.legacy, "message": text},
            "error_code": self.code,
            "error_msg": text,
            "ext_message": null,
        })
    }

    /// Returns the body that v2 has: of a refused authorization, with the reason once more, encoded (decision no. 40).
    pub(crate) fn v2_body(&self) -> Value {
        let mut body = json!({"error_code": self.code, "error_msg": self.text(), "error_ext_msg": null});
        if self.status == 403 {
            body["encoded_authorization_message"] = json!(hex::encode(self.text()));
        }
        body
    }
}
