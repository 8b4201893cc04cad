//! The codes of the API's errors: one row a code, with its status, its public text and its older twin.
//!
//! The status does not follow from the code's digits: always take both from the row.
//!
//! Source: docs/contract/dcs-v1.0.md, section 1.8; docs/contract/dcs-v2.md, section 1.3; the table of all codes beside them.

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    /// The code as v2 writes it.
    pub(crate) dcs: &'static str,
    /// The code as v1.0 writes it, where the tables have one.
    pub(crate) legacy: Option<&'static str>,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The public text; `{0}` is the name of a parameter.
    pub(crate) text: &'static str,
}

const fn row(dcs: &'static str, legacy: &'static str, status: u16, text: &'static str) -> ErrorCode {
    ErrorCode { dcs, legacy: Some(legacy), status, text }
}

const fn row_without_legacy(dcs: &'static str, status: u16, text: &'static str) -> ErrorCode {
    ErrorCode { dcs, legacy: None, status, text }
}

pub(crate) const INVALID_PROJECT_ID: ErrorCode =
    row("DCS.4002", "111400002", 400, "Invalid project ID format.");
pub(crate) const EMPTY_BODY: ErrorCode = row("DCS.4004", "111400004", 400, "Empty request body.");
pub(crate) const INVALID_BODY: ErrorCode = row(
    "DCS.4005",
    "111400005",
    400,
    "The message body contains invalid characters or is not in JSON format.",
);
/// The same row for a body that is too large: an exception to the table's status, on purpose (`decisions` no. 22).
pub(crate) const BODY_TOO_LARGE: ErrorCode = ErrorCode { status: 413, ..INVALID_BODY };
/// The same row for a body that takes too long (`decisions` no. 22).
pub(crate) const BODY_TOO_SLOW: ErrorCode = ErrorCode { status: 408, ..INVALID_BODY };
pub(crate) const INVALID_INSTANCE_ID: ErrorCode =
    row("DCS.4061", "111400061", 400, "Invalid instance ID format.");
pub(crate) const INVALID_QUERY: ErrorCode =
    row("DCS.4062", "111400062", 400, "Invalid {0} parameter in the request.");
pub(crate) const INVALID_PARAMETER: ErrorCode =
    row("DCS.4063", "111400063", 400, "Invalid {0} parameter in the request.");
pub(crate) const CACHE_MODE_UNSUPPORTED: ErrorCode =
    row("DCS.4086", "111400086", 400, "only master standby instance is support this action");
pub(crate) const BACKUP_UNSUPPORTED: ErrorCode =
    row("DCS.4095", "111400095", 400, "the system is not support backup and restore.");
pub(crate) const BACKING_UP: ErrorCode = row("DCS.4096", "111400096", 400, "the instance is backuping.");
pub(crate) const RESTORING: ErrorCode = row("DCS.4097", "111400097", 400, "the instance is restoring.");
pub(crate) const REMARK_TOO_LONG: ErrorCode = row(
    "DCS.4098",
    "111400098",
    400,
    "The value of the remark parameter must be 0 to 128 characters in length.",
);
pub(crate) const RESTARTING: ErrorCode = row("DCS.4111", "111400111", 400, "the instance is restarting.");
pub(crate) const EXTENDING: ErrorCode = row("DCS.4113", "111400113", 400, "the instance is extending.");
pub(crate) const CREATING: ErrorCode = row("DCS.4118", "111400118", 400, "the instance is creating.");
pub(crate) const STATE_UNSUPPORTED: ErrorCode = row(
    "DCS.4026",
    "111400026",
    400,
    "This operation is not allowed when the DCS instance is in the current state.",
);
pub(crate) const INVALID_ACTION: ErrorCode =
    row("DCS.4064", "111400064", 400, "The action parameter in the request must be start, stop, or restart.");
pub(crate) const NO_INSTANCES: ErrorCode = row(
    "DCS.4065",
    "111400065",
    400,
    "The instances parameter in the request cannot be a null value or left unspecified.",
);
pub(crate) const TOO_MANY_INSTANCES: ErrorCode =
    row("DCS.4100", "111400100", 400, "The number of instance IDs in an instances array cannot exceed 50.");
pub(crate) const PREPAID: ErrorCode = row(
    "DCS.4857",
    "111400857",
    400,
    "DCS instances cannot be deleted if they are billed on a yearly/monthly basis.",
);
pub(crate) const QUOTA_REACHED: ErrorCode =
    row("DCS.4039", "111400039", 400, "The quota limit has been reached.");
pub(crate) const INVALID_CONFIGURATION: ErrorCode =
    row("DCS.4066", "111400066", 400, "Invalid value of the configure parameter {0}.");
pub(crate) const RESERVED_MEMORY_TOO_LARGE: ErrorCode = row(
    "DCS.4105",
    "111400105",
    400,
    "The value of reserved-memory cannot be greater than the free memory size of this DCS instance.",
);
pub(crate) const INVALID_SCAN_START: ErrorCode = row_without_legacy(
    "DCS.4819",
    400,
    "The first_scan_at parameter is invalid.  Its must be ISO format utc date-time. The time must be later than the current time.",
);
pub(crate) const INVALID_SCAN_INTERVAL: ErrorCode = row_without_legacy(
    "DCS.4820",
    400,
    "The interval parameter is invalid. must Greater than or equal to 0.",
);
pub(crate) const INVALID_SCAN_TIMEOUT: ErrorCode = row_without_legacy(
    "DCS.4821",
    400,
    "The timeout parameter is invalid. Its must Greater than or equal to interval * 2, if interval is 0, timeout must Greater than 1 second.",
);
pub(crate) const INVALID_SCAN_KEYS: ErrorCode = row_without_legacy(
    "DCS.4822",
    400,
    "The scan_keys_count parameter is invalid. Its must Greater than or equal to 10, and Less than or equal to 1000.",
);
pub(crate) const ENCRYPTION_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4201", 400, "Do not support SSL.");
pub(crate) const INVALID_ENCRYPTION: ErrorCode =
    row_without_legacy("DCS.4202", 400, "ssl request params are invalid.");
pub(crate) const CLIENT_IPS_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4841", 400, "Instance do not support client ip transparent transmission.");
pub(crate) const TEMPLATE_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4988", 400, "The config template does not exist.");
pub(crate) const INSTANCE_NAME_TAKEN: ErrorCode =
    row("DCS.4060", "111400060", 400, "This DCS instance name already exists.");
pub(crate) const INSTANCE_QUOTA_EXCEEDED: ErrorCode =
    row("DCS.4035", "111400035", 400, "DCS instance quota of the tenant is insufficient.");
pub(crate) const MEMORY_QUOTA_EXCEEDED: ErrorCode =
    row("DCS.4036", "111400036", 400, "Memory quota of the tenant is insufficient.");
pub(crate) const UNKNOWN_ROUTE: ErrorCode =
    row("DCS.4001", "111404001", 404, "The requested URL does not exist.");
pub(crate) const INSTANCE_NOT_FOUND: ErrorCode =
    row("DCS.3022", "111404022", 404, "This DCS instance does not exist.");
pub(crate) const METHOD_NOT_ALLOWED: ErrorCode =
    row("DCS.5001", "111405001", 405, "This request method is not allowed.");
pub(crate) const INTERNAL: ErrorCode = row("DCS.5000", "111500000", 500, "Internal service error.");
/// The same row while the service is too busy (`decisions` no. 22).
pub(crate) const UNAVAILABLE: ErrorCode = ErrorCode { status: 503, ..INTERNAL };
pub(crate) const DELETE_BACKUP_FAILED: ErrorCode =
    row("DCS.4101", "111400101", 500, "Delete instance backup file failed.");
pub(crate) const NO_CREDENTIALS: ErrorCode = row("DCS.1003", "111401003", 401, "No token in the request.");
/// The same row for a signature by another algorithm, which it names.
pub(crate) const UNSUPPORTED_ALGORITHM: ErrorCode = ErrorCode {
    text: "Signatures by {0} are not emulated; sign with SDK-HMAC-SHA256.",
    ..INVALID_CREDENTIALS
};
pub(crate) const INVALID_CREDENTIALS: ErrorCode = row("DCS.1001", "111401001", 401, "Invalid token.");
pub(crate) const CREDENTIALS_EXPIRED: ErrorCode = row("DCS.1002", "111401002", 401, "Token expired.");
pub(crate) const OTHER_PROJECT: ErrorCode =
    row("DCS.1004", "111401004", 401, "Project ID does not match the token.");
pub(crate) const READ_ONLY: ErrorCode = row(
    "DCS.3002",
    "111403002",
    403,
    "This tenant has read permission only and cannot perform this operation.",
);
pub(crate) const NO_ROLE: ErrorCode =
    row("DCS.2003", "111403003", 403, "This role does not have the permission to perform this operation.");
pub(crate) const ACTION_DENIED: ErrorCode =
    row_without_legacy("DCS.2007", 403, "Policy does not allow {0} to be performed.");
pub(crate) const BACKUP_NOT_USABLE: ErrorCode =
    row("DCS.4087", "111400087", 400, "the backup record status is err when restore this instance");
pub(crate) const BACKUP_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4031", 400, "The backup record does not exist.");
pub(crate) const WINDOW_REVERSED: ErrorCode =
    row_without_legacy("DCS.4025", 400, "The end time must be after the start time.");
pub(crate) const INVALID_GENERIC: ErrorCode =
    row("DCS.4800", "111400800", 400, "Invalid {0} in the request.");
/// The same row with the text that is said of kinds of logs.
pub(crate) const INVALID_LOG_TYPE: ErrorCode = row("DCS.4800", "111400800", 400, "Invalid logType.");
pub(crate) const RESTORE_SAVE_FAILED: ErrorCode =
    row("DCS.5092", "111500092", 500, "Failed to save and restore data.");
pub(crate) const RESTORE_QUERY_FAILED: ErrorCode =
    row_without_legacy("DCS.5079", 500, "Query restore record failed.");
/// Download links are the object store's business, and so are these codes.
pub(crate) const LINK_EXPIRED: ErrorCode = row_without_legacy("AccessDenied", 403, "Request has expired.");
pub(crate) const LINK_REFUSED: ErrorCode =
    row_without_legacy("SignatureDoesNotMatch", 403, "The link was not made here, or has been changed.");
pub(crate) const LINKED_FILE_GONE: ErrorCode = row_without_legacy("NoSuchKey", 404, "The file is gone.");
pub(crate) const INVALID_TASK_ID: ErrorCode = row("DCS.4070", "111400070", 400, "Invalid task ID format.");
pub(crate) const HOTKEY_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4941", 400, "The hotkey id does not exist.");
pub(crate) const BIGKEY_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4942", 400, "The bigkey id does not exist.");
pub(crate) const MIGRATION_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4133", 400, "Instance job is not found.");
pub(crate) const NO_MIGRATIONS: ErrorCode =
    row_without_legacy("DCS.4855", 400, "invalid migration task id in the request.");
/// Only inside the results of restarts.
pub(crate) const NOT_ONLINE_MIGRATION: ErrorCode = row_without_legacy("dcs.41.0001", 400, "task not v2");
pub(crate) const ADDRESS_EXCHANGE_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4990", 400, "Not support exchange ip.");
pub(crate) const WRONG_INSTANCE_PASSWORD: ErrorCode =
    row("DCS.4080", "111400080", 400, "Instance password verify failed.");
pub(crate) const ANALYSIS_NOT_FOUND: ErrorCode =
    row_without_legacy("DCS.4232", 400, "The offline key analysis task does not exist.");
pub(crate) const INSTANCE_SAVE_FAILED: ErrorCode =
    row_without_legacy("DCS.5017", 500, "Failed to save instance information.");
pub(crate) const INSTANCE_QUERY_FAILED: ErrorCode =
    row_without_legacy("DCS.5024", 500, "Query instance failed.");
pub(crate) const BACKUP_QUERY_FAILED: ErrorCode =
    row_without_legacy("DCS.5078", 500, "Query backup record failed.");
pub(crate) const BACKUP_SAVE_FAILED: ErrorCode =
    row("DCS.5090", "111500090", 500, "Failed to save backup information.");

pub(crate) const INSTANCE_CREATE_FAILED: ErrorCode =
    row("DCS.5031", "111500031", 500, "create instance fail");
// What orders of instances are refused with.
pub(crate) const INVALID_ENGINE: ErrorCode =
    row("DCS.4007", "111400007", 400, "The selected cache engine type is not supported.");
pub(crate) const INVALID_ENGINE_VERSION: ErrorCode =
    row("DCS.4008", "111400008", 400, "The selected cache engine version is not supported.");
pub(crate) const INVALID_PRODUCT: ErrorCode =
    row("DCS.4009", "111400009", 400, "Invalid product ID in the request.");
pub(crate) const INVALID_INSTANCE_NAME: ErrorCode = row(
    "DCS.4010",
    "111400010",
    400,
    "Invalid DCS instance name. The name must be 4 to 64 characters in length. Only letters (case-insensitive), digits, underscores (_) ,and hyphens (-) are allowed.",
);
pub(crate) const DESCRIPTION_TOO_LONG: ErrorCode =
    row("DCS.4011", "111400011", 400, "DCS instance description cannot exceed 1024 characters.");
pub(crate) const INVALID_CAPACITY: ErrorCode =
    row("DCS.4012", "111400012", 400, "Invalid capacity parameter in the request.");
pub(crate) const SUBNET_OF_OTHER_VPC: ErrorCode =
    row("DCS.4018", "111400018", 400, "This subnet must exist in the VPC.");
pub(crate) const SUBNET_WITHOUT_DHCP: ErrorCode =
    row("DCS.4020", "111400020", 400, "DHCP must be enabled for this subnet.");
pub(crate) const SECURITY_GROUP_NOT_FOUND: ErrorCode =
    row("DCS.4046", "111400046", 400, "This security group does not exist.");
pub(crate) const INVALID_VPC: ErrorCode = row("DCS.4013", "111400013", 400, "Invalid vpc_id in the request.");
pub(crate) const INVALID_SECURITY_GROUP: ErrorCode =
    row("DCS.4014", "111400014", 400, "Invalid security_group_id in the request.");
pub(crate) const INVALID_SUBNET: ErrorCode =
    row("DCS.4016", "111400016", 400, "Invalid subnet_id in the request.");
pub(crate) const WEAK_PASSWORD: ErrorCode =
    row("DCS.4019", "111400019", 400, "The password does not meet complexity requirements.");
pub(crate) const UNKNOWN_ZONE: ErrorCode = row("DCS.4042", "111400042", 400, "This AZ does not exist.");
pub(crate) const ONE_ZONE_ONLY: ErrorCode = row(
    "DCS.4067",
    "111400067",
    400,
    "The available_zones parameter in the request must an array that contains only one AZ ID.",
);
pub(crate) const POLICY_SAVE_DAYS: ErrorCode =
    row("DCS.4072", "111400072", 400, "Invalid saveDays instance backup policy parameter in the request.");
pub(crate) const POLICY_BACKUP_TYPE: ErrorCode =
    row("DCS.4073", "111400073", 400, "Invalid backupType instance backup policy parameter in the request.");
pub(crate) const POLICY_PERIOD_TYPE: ErrorCode =
    row("DCS.4074", "111400074", 400, "Invalid periodType instance backup policy parameter in the request.");
pub(crate) const POLICY_BACKUP_AT: ErrorCode =
    row("DCS.4075", "111400075", 400, "Invalid backupAt instance backup policy parameter in the request.");
pub(crate) const POLICY_BEGIN_AT: ErrorCode =
    row("DCS.4076", "111400076", 400, "Invalid beginAt instance backup policy parameter in the request.");
pub(crate) const INVALID_MAINTENANCE: ErrorCode =
    row("DCS.4106", "111400106", 400, "The value of maintain time illegal.");
pub(crate) const INVALID_PASSWORD_ACCESS: ErrorCode =
    row("DCS.4843", "111400843", 400, "The no_password_access parameter is missing or its value is invalid.");
pub(crate) const INVALID_ACCESS_USER: ErrorCode =
    row("DCS.4844", "111400844", 400, "The access_user parameter is missing or its value is invalid.");
pub(crate) const MISSING_PASSWORD: ErrorCode =
    row("DCS.4845", "111400845", 400, "The password parameter is missing or its value is invalid.");
pub(crate) const PASSWORD_UNWANTED: ErrorCode =
    row("DCS.4849", "111400849", 400, "The request parameter new_password should not exist.");
pub(crate) const PASSWORD_FREE: ErrorCode = row(
    "DCS.4850",
    "111400850",
    400,
    "This operation is not supported when Password-Free Access is enabled for the instance.",
);
pub(crate) const INVALID_SPEC_CODE: ErrorCode =
    row_without_legacy("DCS.4927", 400, "The param spec_code is invalid");
/// The one code that only v1.0 has; the newer style takes the nearest.
pub(crate) const PRODUCT_OF_OTHER_ENGINE: ErrorCode =
    row("DCS.4009", "111400022", 400, "Engine does not match the product id.");
/// The same row as of an unknown engine: the service names no other.
pub(crate) const PRODUCT_OF_OTHER_VERSION: ErrorCode = INVALID_ENGINE;
pub(crate) const SECURITY_GROUP_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4872", 400, "Do not support security group whitelist.");
// Orders are the business of billing, and so are these codes; no page names them.
pub(crate) const ORDER_NOT_FOUND: ErrorCode =
    row_without_legacy("CBC.3000", 404, "The order does not exist.");
pub(crate) const RESOURCE_NOT_FOUND: ErrorCode =
    row_without_legacy("CBC.3001", 400, "The resource does not exist.");
pub(crate) const ORDER_NOT_PAYABLE: ErrorCode =
    row_without_legacy("CBC.3002", 400, "The order is not waiting for payment.");

// What is said of other sizes, and of nodes.
pub(crate) const RESIZE_UNSUPPORTED: ErrorCode =
    row("DCS.4102", "111400102", 400, "The system is not support resize.");
pub(crate) const NOT_LARGER: ErrorCode =
    row("DCS.4103", "111400103", 400, "The system is not support resize.");
pub(crate) const TYPE_CHANGE_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4200", 400, "Instance type cannot be changed.");
pub(crate) const INVALID_REPLICA_ZONES: ErrorCode =
    row_without_legacy("DCS.4933", 400, "The param available_zones is invalid.");
pub(crate) const TOO_MANY_REPLICAS: ErrorCode =
    row_without_legacy("DCS.4875", 400, "Create replication number exceed max number limit.");
pub(crate) const INVALID_NODE_LIST: ErrorCode =
    row_without_legacy("DCS.4930", 400, "The request param node_list is invalid");
pub(crate) const NOT_A_REPLICA: ErrorCode =
    row_without_legacy("DCS.4931", 400, "Node is not replica, can't delete.");
pub(crate) const MASTER_NODE: ErrorCode =
    row_without_legacy("DCS.4936", 400, "The master node cannot be deleted");
pub(crate) const ONLY_REPLICA: ErrorCode =
    row_without_legacy("DCS.4937", 400, "Only has one slave node,can not delete");
pub(crate) const UNKNOWN_NODE: ErrorCode = row_without_legacy("DCS.3053", 400, "Incorrect node ID.");
pub(crate) const SWAP_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4855", 400, "Master standby swap is not supported.");
pub(crate) const SWAP_FAILED: ErrorCode = row_without_legacy("DCS.5094", 500, "Master standby swap failed.");
pub(crate) const NODE_UNSUPPORTED: ErrorCode =
    row("DCS.4027", "111400027", 400, "This operation is not supported on this node.");
pub(crate) const INVALID_WEIGHT: ErrorCode =
    row_without_legacy("DCS.4939", 400, "The param slave_priority_weight is invalid.");
pub(crate) const ALL_WEIGHTS_ZERO: ErrorCode =
    row_without_legacy("DCS.4253", 400, "All replicas have a priority of 0.");
pub(crate) const LAST_ADDRESS: ErrorCode =
    row_without_legacy("DCS.4879", 400, "r/w instance have only one repl can not remove ip from dns");
pub(crate) const LAST_ADDRESS_OF_REPLICAS: ErrorCode =
    row_without_legacy("DCS.4935", 400, "Only one slave replication has dns ip, can not delete");
// What is said of background tasks.
pub(crate) const TASK_RUNNING: ErrorCode =
    row("DCS.4017", "111400017", 400, "This DCS instance job task is still running.");
pub(crate) const UPGRADING: ErrorCode = row("DCS.4116", "111400116", 400, "the instance is upgrading.");
pub(crate) const NOTHING_TO_UPGRADE: ErrorCode =
    row("DCS.4053", "111400053", 400, "the upgrade instance version equals to current version.");
pub(crate) const ANALYSING: ErrorCode =
    row_without_legacy("DCS.4231", 400, "the instance is analyzing keys offline.");
pub(crate) const BIGKEY_SCAN_RUNNING: ErrorCode =
    row_without_legacy("DCS.4918", 400, "Instance bigkey analyze is running.");
pub(crate) const BIGKEY_SCAN_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4919", 400, "Does not support bigkey analyze.");
pub(crate) const HOTKEY_SCAN_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4922", 400, "Does not support hotkey analyze.");
pub(crate) const EXPIRED_KEY_SCAN_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4818", 400, "Do not support auto expire scan.");
pub(crate) const ANALYSIS_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4230", 400, "Does not support offline key analysis.");
pub(crate) const TASK_STATE_UNSUPPORTED: ErrorCode = row_without_legacy(
    "DCS.4957",
    400,
    "This operation is not allowed when the task is in the current state.",
);
pub(crate) const INVALID_ACCOUNT: ErrorCode =
    row_without_legacy("DCS.4961", 400, "Acl account request param invalid.");
pub(crate) const ACCOUNTS_UNSUPPORTED: ErrorCode =
    row_without_legacy("DCS.4964", 400, "Failed to query acl list.");
pub(crate) const WRONG_PASSWORD: ErrorCode =
    row("DCS.4080", "111400080", 400, "Instance password verify failed.");

impl ErrorCode {
    /// Returns code and text as v1.0 bodies carry them in the older style.
    ///
    /// A code without an older twin goes out unchanged, except internal errors: those become `111500nnn`, all with the
    /// same text.
    pub(crate) fn legacy(&self) -> (String, &'static str) {
        match (self.legacy, self.dcs.strip_prefix("DCS.5")) {
            (Some(legacy), _) if legacy.starts_with("111500") => (legacy.to_owned(), INTERNAL.text),
            (Some(legacy), _) => (legacy.to_owned(), self.text),
            (None, Some(rest)) => (format!("111500{rest}"), INTERNAL.text),
            (None, None) => (self.dcs.to_owned(), self.text),
        }
    }
}

/// The table of all codes, also of those that the emulator itself never answers with.
const TABLE: &str = include_str!("../../../docs/contract/errors.tsv");

/// Returns the row of a code of either family.
pub(crate) fn find(code: &str) -> Option<ErrorCode> {
    TABLE.lines().skip(1).find_map(|line| {
        let mut columns = line.split('\t');
        let (status, dcs, legacy, text) =
            (columns.next()?.parse().ok()?, columns.next()?, columns.next()?, columns.next()?);
        let legacy = Some(legacy).filter(|legacy| !legacy.is_empty());
        let is_it = dcs.starts_with("DCS.") && (code == dcs || legacy == Some(code));
        is_it.then_some(ErrorCode { dcs, legacy, status, text })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_table_by_either_name() {
        for code in ["DCS.4096", "111400096"] {
            assert_eq!(find(code), Some(BACKING_UP));
        }
        assert_eq!(find("DCS.4919"), Some(BIGKEY_SCAN_UNSUPPORTED));
        assert_eq!(find("DCS.0000"), None);
    }

    #[test]
    fn a_code_without_an_older_twin_goes_out_as_it_is_unless_it_is_internal() {
        assert_eq!(BACKING_UP.legacy(), ("111400096".to_owned(), "the instance is backuping."));
        assert_eq!(BACKUP_SAVE_FAILED.legacy(), ("111500090".to_owned(), "Internal service error."));
        assert_eq!(INSTANCE_QUERY_FAILED.legacy(), ("111500024".to_owned(), "Internal service error."));
        assert_eq!(
            METHOD_NOT_ALLOWED.legacy(),
            ("111405001".to_owned(), "This request method is not allowed.")
        );
        assert_eq!(row_without_legacy("DCS.4031", 400, "x").legacy(), ("DCS.4031".to_owned(), "x"));
    }
}
