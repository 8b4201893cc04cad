//! The exchange of addresses between the source and the target of a migration, and the way back.

use serde::{Deserialize, Serialize};

use crate::domain::instance::Instance;
use crate::domain::migration::{Migration, MigrationMethod, MigrationStatus};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// An exchange of addresses, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressExchange {
    /// Where it is.
    pub status: ExchangeStatus,
    /// The places of the addresses that are exchanged, from 0.
    pub places: Vec<usize>,
    /// Whether the domain names are exchanged too.
    pub domain_names: bool,
}

/// Where an exchange of addresses is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExchangeStatus {
    /// It runs.
    Exchanging,
    /// It was made.
    ExchangeSuccess,
    /// It has failed.
    ExchangeFailed,
    /// It is taken back.
    Rollbacking,
    /// It was taken back.
    RollbackSuccess,
    /// Taking it back has failed.
    RollbackFailed,
}

impl ExchangeStatus {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchanging => "EXCHANGING",
            Self::ExchangeSuccess => "EXCHANGE_SUCCESS",
            Self::ExchangeFailed => "EXCHANGE_FAILED",
            Self::Rollbacking => "ROLLBACKING",
            Self::RollbackSuccess => "ROLLBACK_SUCCESS",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Returns whether it has not ended.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Exchanging | Self::Rollbacking)
    }

    /// Returns whether each instance has the addresses of the other one.
    fn is_made(self) -> bool {
        matches!(self, Self::ExchangeSuccess | Self::Rollbacking | Self::RollbackFailed)
    }

    /// Returns what it is at its end.
    fn ended(self, succeeds: bool) -> Self {
        match (self, succeeds) {
            (Self::Exchanging, true) => Self::ExchangeSuccess,
            (Self::Exchanging, false) => Self::ExchangeFailed,
            (Self::Rollbacking, true) => Self::RollbackSuccess,
            (Self::Rollbacking, false) => Self::RollbackFailed,
            (ended, _) => ended,
        }
    }
}

/// What a caller asks to have exchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeRequest {
    /// Addresses of either instance; none: all of them.
    pub addresses: Vec<String>,
    /// Whether the domain names are exchanged too.
    pub domain_names: bool,
}

/// What an instance shows after an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// Its addresses, separated by commas.
    pub ip: String,
    /// Its domain name, if that is not its own.
    pub domain_name: Option<String>,
}

impl Migration {
    /// Has an exchange begin; without a `request`, the way back from one.
    ///
    /// # Errors
    /// `AddressExchangeUnsupported`; `InvalidParameter` (`exchanged_ip`) for an address that neither instance has.
    pub fn begin_exchange(
        &mut self,
        request: Option<&ExchangeRequest>,
        (source, target): (&Instance, &Instance),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let was = self.exchange.as_ref();
        let is_made = was.is_some_and(|exchange| exchange.status.is_made());
        let is_open = was.is_some_and(|exchange| exchange.status.is_open());
        let is_alike = source.port == target.port && addresses(source).count() == addresses(target).count();
        let can_begin = match request {
            Some(_) => {
                self.method == Some(MigrationMethod::Incremental)
                    && self.status == MigrationStatus::Following
                    && !is_made
            }
            None => is_made,
        };
        if is_open || !is_alike || !can_begin {
            return Err(Refusal::AddressExchangeUnsupported);
        }
        self.exchange = match (request, self.exchange.take()) {
            (Some(request), was) => match places(request, source, target) {
                Ok(places) => {
                    let domain_names = request.domain_names;
                    Some(AddressExchange { status: ExchangeStatus::Exchanging, places, domain_names })
                }
                Err(refusal) => {
                    self.exchange = was;
                    return Err(refusal);
                }
            },
            (None, was) => was.map(|was| AddressExchange { status: ExchangeStatus::Rollbacking, ..was }),
        };
        self.updated_at = now;
        Ok(())
    }

    /// Has an exchange, or the way back, end; returns it.
    pub fn end_exchange(&mut self, succeeds: bool, at: Timestamp) -> Option<AddressExchange> {
        let exchange = self.exchange.as_mut()?;
        exchange.status = exchange.status.ended(succeeds);
        let exchange = exchange.clone();
        self.updated_at = at;
        match exchange.status {
            ExchangeStatus::ExchangeSuccess => self.info("migration.0010", "addresses exchanged.", "", at),
            ExchangeStatus::RollbackSuccess => {
                self.info("migration.0011", "addresses exchanged back.", "", at);
            }
            _ => self.error("migration.0013", "the exchange of addresses failed.", at),
        }
        Some(exchange)
    }
}

fn addresses(instance: &Instance) -> impl Iterator<Item = &str> {
    instance.ip.split(',').map(str::trim)
}

/// Returns the places of the addresses that are to be exchanged.
fn places(request: &ExchangeRequest, source: &Instance, target: &Instance) -> Result<Vec<usize>, Refusal> {
    if request.addresses.is_empty() {
        return Ok((0..addresses(source).count()).collect());
    }
    let place = |address: &String| {
        let of = |instance| addresses(instance).position(|one| one == address);
        of(source).or_else(|| of(target)).ok_or(Refusal::InvalidParameter { name: "exchanged_ip" })
    };
    request.addresses.iter().map(place).collect()
}

/// Returns what source and target show after an exchange. Exchanging twice changes nothing.
pub fn exchange(exchange: &AddressExchange, source: &Instance, target: &Instance) -> [Exchanged; 2] {
    let one = |own: &Instance, other: &Instance| {
        let mixed = addresses(own)
            .zip(addresses(other))
            .enumerate()
            .map(|(place, (own, other))| if exchange.places.contains(&place) { other } else { own });
        let ip = mixed.collect::<Vec<_>>().join(",");
        let domain_name = if exchange.domain_names { other } else { own }.domain_name();
        Exchanged { ip, domain_name: Some(domain_name).filter(|name| *name != own.own_domain_name()) }
    };
    [one(source, target), one(target, source)]
}
