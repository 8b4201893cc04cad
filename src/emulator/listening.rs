//! The sockets of a server, at an address or at all addresses that a name has.

use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use crate::config::ListenAddress;
use crate::http::server::bind;

/// How often a port is chosen that is free at the first address of a name, and maybe not at the others.
const PORTS_TRIED: usize = 16;

/// Where a server listens.
#[derive(Clone)]
pub(super) struct BoundAddress {
    /// As it was asked for, with the port that the system may have chosen.
    pub(super) named: ListenAddress,
    /// The addresses; there is one at least.
    pub(super) addresses: Vec<SocketAddr>,
}

impl BoundAddress {
    /// Returns where it is reached.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.named)
    }
}

/// Returns the addresses of a name, each once.
pub(super) fn addresses_of(named: &ListenAddress) -> Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = (named.host.as_str(), named.port).to_socket_addrs()?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Binds those of the addresses that this machine has, all with one port.
pub(super) fn bind_all(
    mut named: ListenAddress,
    wanted: &[SocketAddr],
) -> Result<(Vec<TcpListener>, BoundAddress)> {
    let tries = if named.port == 0 && wanted.len() > 1 { PORTS_TRIED } else { 1 };
    let mut bound = bind_once(wanted);
    for _ in 1..tries {
        if !matches!(&bound, Err(error) if error.kind() == ErrorKind::AddrInUse) {
            break;
        }
        bound = bind_once(wanted);
    }
    let (listeners, addresses) = bound?;
    named.port = addresses.first().map_or(named.port, SocketAddr::port);
    Ok((listeners, BoundAddress { named, addresses }))
}

fn bind_once(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>)> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::<SocketAddr>::new());
    let mut unusable = Error::from(ErrorKind::AddrNotAvailable);
    for mut address in wanted.iter().copied() {
        address.set_port(addresses.first().map_or(address.port(), SocketAddr::port));
        match bind(address) {
            Ok(listener) => {
                addresses.push(listener.local_addr()?);
                listeners.push(listener);
            }
            // The name has the address, but not this machine: one without IPv6, for example.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable || is_unknown_family(&error) => {
                unusable = error;
            }
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() { Err(unusable) } else { Ok((listeners, addresses)) }
}

/// Whether a machine knows no addresses of such a kind.
fn is_unknown_family(error: &Error) -> bool {
    #[cfg(unix)]
    let is_unknown = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    let is_unknown = error.kind() == ErrorKind::Unsupported;
    is_unknown
}

// Elsewhere there is one loopback address only.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    fn bound(port: u16, hosts: &[&str]) -> Result<(Vec<TcpListener>, BoundAddress)> {
        let wanted: Vec<_> = hosts.iter().map(|host| SocketAddr::new(host.parse().unwrap(), port)).collect();
        bind_all(ListenAddress { host: "name".to_owned(), port }, &wanted)
    }

    #[test]
    fn the_addresses_that_are_here_are_bound_with_one_port() {
        // The last one is for documents, and nobody's (RFC 5737).
        let hosts = ["127.0.0.1", "127.0.0.2", "192.0.2.1"];
        let (listeners, place) = bound(0, &hosts).unwrap();
        let port = place.named.port;
        let expected: Vec<SocketAddr> =
            hosts[..2].iter().map(|host| SocketAddr::new(host.parse().unwrap(), port)).collect();
        assert_eq!(place.addresses, expected);
        assert!(port != 0 && place.url() == format!("http://name:{port}"));
        for address in place.addresses {
            std::net::TcpStream::connect(address).unwrap();
        }
        // A port that is taken at one of them is not to be had.
        let still_there = listeners.into_iter().next_back();
        assert_eq!(bound(port, &hosts).map(drop).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(still_there);
        assert_eq!(bound(0, &hosts[2..]).map(drop).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }
}
