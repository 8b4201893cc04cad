//! The services that the emulator answers for: the hosts that they have on the clouds, and their entries in the catalogue.
//!
//! Source: docs/contract/networks.md, sections 1.1, 1.2 and 10.

/// A service.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// The first labels of its host names. URLs have the first of them, which is its key in `endpoints` of a provider, too.
    pub labels: &'static [&'static str],
    /// Whether it has hosts and endpoints that belong to no region.
    pub is_global: bool,
    /// Its entries in the catalogue: clients look for several types.
    pub entries: &'static [ServiceEntry],
}

/// An entry of a service in the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its number among those of all services.
    pub number: u8,
    /// The type that clients look for.
    pub kind: &'static str,
    /// The name that is shown.
    pub name: &'static str,
    /// The path of its endpoints.
    pub path: &'static str,
    /// Whether the id of a project follows the path.
    pub is_of_project: bool,
}

/// Every service.
pub static SERVICES: [Service; 9] = [
    Service {
        // The second is that of the Swiss cloud.
        labels: &["iam", "iam-pub"],
        is_global: true,
        entries: &[entry(1, "identity", "keystone", "/v3")],
    },
    Service {
        labels: &["dcs"],
        is_global: false,
        entries: &[
            ServiceEntry { is_of_project: true, ..entry(2, "dcs", "dcs", "/v1.0") },
            ServiceEntry { is_of_project: true, ..entry(3, "dcsv1", "dcsv1", "/v1.0") },
        ],
    },
    Service {
        // The second is that of the international site.
        labels: &["bss", "bss-intl"],
        is_global: true,
        entries: &[entry(4, "bss", "bss", "/v2")],
    },
    // Clients know its host, and do not look for it in the catalogue.
    Service { labels: &["sts"], is_global: false, entries: &[] },
    Service {
        labels: &["vpc"],
        is_global: false,
        entries: &[
            entry(5, "network", "neutron", ""),
            ServiceEntry { is_of_project: true, ..entry(6, "vpc", "vpc", "/v1") },
        ],
    },
    Service {
        labels: &["ecs"],
        is_global: false,
        entries: &[
            ServiceEntry { is_of_project: true, ..entry(7, "compute", "nova", "/v2.1") },
            ServiceEntry { is_of_project: true, ..entry(8, "ecs", "ecs", "/v1") },
        ],
    },
    Service { labels: &["dns"], is_global: false, entries: &[] },
    Service {
        labels: &["elb"],
        is_global: false,
        entries: &[
            entry(9, "elb", "elb", "/v1.0"),
            ServiceEntry { is_of_project: true, ..entry(10, "elbv3", "elbv3", "/v3") },
        ],
    },
    // As of the keys of agencies.
    Service { labels: &["eps"], is_global: true, entries: &[] },
];
/// Logins, tokens and projects.
pub const IDENTITY: &Service = &SERVICES[0];
/// The cache service itself.
pub const DCS: &Service = &SERVICES[1];
/// Orders and what is billed.
pub const BILLING: &Service = &SERVICES[2];
/// Temporary keys of agencies.
pub const STS: &Service = &SERVICES[3];
/// VPCs, subnets, security groups, public addresses.
pub const VPC: &Service = &SERVICES[4];
/// Zones, as far as it is there.
pub const COMPUTE: &Service = &SERVICES[5];
/// Name servers.
pub const NAMES: &Service = &SERVICES[6];
/// Load balancers.
pub const BALANCING: &Service = &SERVICES[7];
/// Enterprise projects.
pub const ENTERPRISE_PROJECTS: &Service = &SERVICES[8];

const fn entry(number: u8, kind: &'static str, name: &'static str, path: &'static str) -> ServiceEntry {
    ServiceEntry { number, kind, name, path, is_of_project: false }
}

impl Service {
    /// Returns the service of a host such as `dcs.eu-de.example.test:8637`, by its first label; none for an address, and for a
    /// name without a domain, such as that of a container.
    pub fn of_host(host: &str) -> Option<&'static Self> {
        let (label, _) = host.split_once('.')?;
        SERVICES.iter().find(|service| service.labels.iter().any(|known| known.eq_ignore_ascii_case(label)))
    }

    /// Returns the first of its labels.
    pub fn label(&self) -> &'static str {
        self.labels[0]
    }

    /// Returns its host names below the domain of a cloud: those of a region, and those of no region.
    pub fn hosts(&self, region: &str, domain: &str) -> Vec<String> {
        let global = self.labels.iter().filter(|_| self.is_global);
        let regional = self.labels.iter().map(|label| format!("{label}.{region}.{domain}"));
        regional.chain(global.map(|label| format!("{label}.{domain}"))).collect()
    }
}

/// Returns the domains of the clouds that have a region.
pub fn cloud_domains(region: &str) -> [&'static str; 2] {
    let huawei = if region.starts_with("eu-west-1") { "myhuaweicloud.eu" } else { "myhuaweicloud.com" };
    let telekom = if region == "eu-ch2" { "sc.otc.t-systems.com" } else { "otc.t-systems.com" };
    [telekom, huawei]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_of_a_service_by_its_first_label() {
        for (host, service) in [
            ("dcs.eu-de.otc.t-systems.com", Some(DCS)),
            ("DCS.eu-de.example.test:8637", Some(DCS)),
            ("iam.myhuaweicloud.com", Some(IDENTITY)),
            ("iam-pub.eu-ch2.sc.otc.t-systems.com", Some(IDENTITY)),
            ("bss-intl.myhuaweicloud.com", Some(BILLING)),
            ("dcs", None),
            ("dcs:8637", None),
            ("dcs-emulator.example.test", None),
            ("a.dcs.example.test", None),
            ("127.0.0.1:8637", None),
            ("[::1]:8637", None),
            ("", None),
        ] {
            assert_eq!(Service::of_host(host), service, "{host}");
        }
    }

    #[test]
    fn no_label_number_or_type_is_of_two() {
        let labels: Vec<_> = SERVICES.iter().flat_map(|service| service.labels).collect();
        let entries: Vec<_> = SERVICES.iter().flat_map(|service| service.entries).collect();
        for (at, label) in labels.iter().enumerate() {
            assert!(!labels[..at].contains(label), "{label}");
        }
        for (at, entry) in entries.iter().enumerate() {
            let before = &entries[..at];
            assert!(before.iter().all(|other| other.number != entry.number && other.kind != entry.kind));
        }
    }
}
