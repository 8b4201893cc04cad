//! Smaller parts of an instance.

use std::collections::BTreeMap;

use crate::domain::refusal::Refusal;

/// The network an instance is in. The emulator has no network service: ids are kept as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The virtual private cloud.
    pub vpc_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The security group; none from engine version 4.0 on.
    pub security_group_id: Option<String>,
}

/// The user that created an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
}

/// How an instance is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Billing {
    /// By the hour.
    #[default]
    PostPaid,
    /// In advance, by an order.
    PrePaid {
        /// The order's id; what a seed says of an instance need not name one.
        order_id: Option<String>,
    },
}

impl Billing {
    /// Returns the number that the API shows.
    pub fn charging_mode(&self) -> u8 {
        match self {
            Self::PostPaid => 0,
            Self::PrePaid { .. } => 1,
        }
    }

    /// Returns the id of the order, if there is one.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::PostPaid => None,
            Self::PrePaid { order_id } => order_id.as_deref(),
        }
    }
}

/// How the clients of an instance get in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether they need no password.
    pub no_password: bool,
    /// The user they log in as; only Memcached has one.
    pub user: Option<String>,
    /// Whether connections are encrypted.
    pub ssl: bool,
    /// Whether it has a public address, as its creator asked.
    pub public_ip: bool,
    /// The id of that address.
    pub public_ip_id: Option<String>,
}

/// New names of commands, by their usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenameCommands(BTreeMap<String, String>);

impl RenameCommands {
    /// The commands that can have another name.
    const COMMANDS: [&str; 9] =
        ["command", "keys", "flushdb", "flushall", "hgetall", "scan", "hscan", "sscan", "zscan"];

    /// Takes new names.
    ///
    /// # Errors
    /// `InvalidParameter` (`rename_commands`) for a command that keeps its name, or a name that is empty.
    pub fn new(names: BTreeMap<String, String>) -> Result<Self, Refusal> {
        let fits = |(command, name): (&String, &String)| {
            Self::COMMANDS.contains(&command.to_ascii_lowercase().as_str()) && !name.is_empty()
        };
        if names.iter().all(fits) {
            Ok(Self(names))
        } else {
            Err(Refusal::InvalidParameter { name: "rename_commands" })
        }
    }

    /// Returns the new names, by their usual ones.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}
