//! Every way the network of a project can say no.

use crate::domain::id::NetworkId;

/// Why the network of a project does not do what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkRefusal {
    /// There is no such thing in the project.
    #[error("there is no such {}", .0.name())]
    Missing(NetworkKind),
    /// A member of the body has a value it cannot have.
    #[error("invalid {name} of a {}", .kind.name())]
    Invalid {
        /// What it was said of.
        kind: NetworkKind,
        /// The member, as the service spells it.
        name: &'static str,
    },
    /// Another VPC of the project has the name.
    #[error("another VPC has the name")]
    NameTaken,
    /// A subnet would lie outside of the range of its VPC.
    #[error("the range lies outside of that of the VPC")]
    OutsideVpc,
    /// A subnet would have addresses of another one of its VPC.
    #[error("the range overlaps that of another subnet")]
    Overlapping,
    /// The range of a VPC would not have those of its subnets any more.
    #[error("subnets lie in the range")]
    RangeInUse,
    /// A secondary range is there already.
    #[error("the range is there already")]
    RangeTaken,
    /// A secondary range that is to go is not there.
    #[error("there is no such range")]
    RangeMissing,
    /// A subnet is named with another VPC than its own.
    #[error("the subnet is of another VPC")]
    OtherVpc,
    /// Something depends on it.
    #[error("the {} is in use", .kind.name())]
    InUse {
        /// What it is.
        kind: NetworkKind,
        /// Its id.
        id: NetworkId,
    },
    /// A VPC without subnets has load balancers.
    #[error("load balancers are in the VPC")]
    HasLoadBalancers,
    /// A public address leads to something: to a load balancer, or to a port.
    #[error("the public address is bound already")]
    Bound(NetworkKind),
    /// A public address leads nowhere.
    #[error("the public address is not bound")]
    NotBound,
    /// A rule of the group says the same.
    #[error("the rule exists already")]
    RuleExists(NetworkId),
    /// The group `default` stays.
    #[error("the default group cannot be deleted")]
    DefaultGroup,
    /// Something else has the id.
    #[error("something else in the network has the id")]
    IdTaken,
    /// The project has as many as it may have.
    #[error("too many of them")]
    TooMany(NetworkKind),
}

/// A kind of thing in the network of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// A virtual private cloud.
    Vpc,
    /// A subnet of one.
    Subnet,
    /// A security group.
    SecurityGroup,
    /// A rule of one.
    SecurityRule,
    /// A public address.
    PublicIp,
    /// The bandwidth of one.
    Bandwidth,
    /// A load balancer.
    LoadBalancer,
}

impl NetworkKind {
    /// Returns its name, which the audit has too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vpc => "vpc",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "security_group",
            Self::SecurityRule => "security_group_rule",
            Self::PublicIp => "public_ip",
            Self::Bandwidth => "bandwidth",
            Self::LoadBalancer => "load_balancer",
        }
    }
}
