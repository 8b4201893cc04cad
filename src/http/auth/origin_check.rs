//! The check of origin and host: the control API takes no request of a web page of another origin (CSRF), and none by a host
//! name that somebody else may have pointed at this server (DNS rebinding). Browsers are held to the latter on every route.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use actix_web::dev::RequestHead;
use actix_web::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};

use crate::http::error::control::ControlError;

/// Says how the page that sends a request stands to the server. Only browsers send it, and no script can change it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Domains that nobody can point anywhere from outside. Source: RFC 6761, section 6.3; `internal` is reserved by ICANN.
const LOCAL_DOMAINS: [&str; 2] = [".localhost", ".internal"];
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Checks where a request comes from and for which host it is; `is_tls` says whether it came by HTTPS.
///
/// # Errors
/// `ForeignOrigin` on the control API; `ForeignHost` on the control API and, for a browser, everywhere.
pub(crate) fn check(
    head: &RequestHead,
    is_tls: bool,
    is_control: bool,
    allowed: &AllowedHosts,
) -> Result<(), ControlError> {
    // Browsers send `Sec-Fetch-Site` to trustworthy addresses only (https and this machine), but `Origin` with every change.
    let is_browser = head.headers.contains_key(SEC_FETCH_SITE) || head.headers.contains_key(ORIGIN);
    if !is_control && !is_browser {
        return Ok(());
    }
    if is_control && is_foreign(head, is_tls, allowed) {
        return Err(ControlError::ForeignOrigin);
    }
    let is_served =
        |host: &str| Authority::parse(host).is_some_and(|authority| allowed.serves(&authority.host));
    if hosts(head).all(is_served) { Ok(()) } else { Err(ControlError::ForeignHost) }
}

/// Returns the hosts that a request names: that of its target, if it has one, goes before those of its head. No host (HTTP/1.0)
/// and an empty one are none.
fn hosts(head: &RequestHead) -> impl Iterator<Item = &str> {
    let of_target = head.uri.authority().map(actix_web::http::uri::Authority::as_str);
    let of_head = head.headers.get_all(HOST).map(readable).filter(|host| !host.is_empty());
    of_target.into_iter().chain(of_head)
}

/// Returns a header's text; for what is no ASCII text one that is no host either.
fn readable(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

/// Returns whether a page of another origin sends a request.
fn is_foreign(head: &RequestHead, is_tls: bool, allowed: &AllowedHosts) -> bool {
    let origins = || head.headers.get_all(ORIGIN).map(|origin| Origin::parse(readable(origin)));
    // A page that is allowed may call from another site.
    if head.headers.contains_key(ORIGIN)
        && origins().all(|origin| origin.is_some_and(|origin| allowed.includes(&origin.host)))
    {
        return false;
    }
    let own = hosts(head).next().and_then(|host| Origin::of_host(host, is_tls));
    let is_own = |origin: Option<Origin>| origin.is_some() && origin == own;
    let mut sites = head.headers.get_all(SEC_FETCH_SITE);
    !origins().all(is_own) || sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Name(String),
}

impl Host {
    /// Reads an IP address, one of version 6 in brackets or not, or a name.
    fn parse(text: &str) -> Option<Self> {
        if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            // The zone of an address is the client's business.
            let address = inside.split('%').next()?.parse::<Ipv6Addr>().ok()?;
            return Some(Self::Address(address.into()));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        text.split('.').all(is_label).then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

/// A host with the port, if one is named.
struct Authority {
    host: Host,
    port: Option<u16>,
}

impl Authority {
    fn parse(text: &str) -> Option<Self> {
        if let Some(host) = Host::parse(text) {
            return Some(Self { host, port: None });
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
        Some(Self { host: Host::parse(host)?, port })
    }
}

/// Scheme, host and port of a page.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_https: bool,
    host: Host,
    port: u16,
}

impl Origin {
    /// Reads the value of the header; what is no page of a server, such as `null`, is none.
    fn parse(text: &str) -> Option<Self> {
        match text.split_once("://")? {
            ("http", authority) => Self::of_host(authority, false),
            ("https", authority) => Self::of_host(authority, true),
            _ => None,
        }
    }

    /// Returns the origin of the pages that a server serves by a host.
    fn of_host(text: &str, is_https: bool) -> Option<Self> {
        let Authority { host, port } = Authority::parse(text)?;
        let usual = if is_https { HTTPS_PORT } else { HTTP_PORT };
        Some(Self { is_https, host, port: port.unwrap_or(usual) })
    }
}

/// The hosts that are allowed besides those that cannot be rebound. Setting `control.allowed_hosts`.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<HostPattern>);

impl AllowedHosts {
    /// Allows these.
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Returns whether the control API is served by this host.
    fn serves(&self, host: &Host) -> bool {
        match host {
            Host::Address(_) => true,
            Host::Name(name) => {
                // A name without a dot is resolved in the local network only.
                !name.contains('.')
                    || LOCAL_DOMAINS.iter().any(|domain| name.ends_with(domain))
                    || self.includes(host)
            }
        }
    }

    /// Returns whether this host is one of them.
    fn includes(&self, host: &Host) -> bool {
        self.0.iter().any(|pattern| pattern.matches(host))
    }
}

/// A host, or all names below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Host(Host),
    /// The domain, with a dot in front.
    Below(String),
}

impl HostPattern {
    fn matches(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Pattern::Host(allowed), host) => allowed == host,
            (Pattern::Below(domain), Host::Name(name)) => name.ends_with(domain),
            (Pattern::Below(_), Host::Address(_)) => false,
        }
    }
}

/// The text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a host name without a port, such as ci.example.test, or *.example.test for all names below it"
)]
pub struct InvalidHostPattern;

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = match text.strip_prefix("*.") {
            Some(domain) => match Host::parse(domain) {
                Some(Host::Name(domain)) => Some(Pattern::Below(format!(".{domain}"))),
                Some(Host::Address(_)) | None => None,
            },
            None => Host::parse(text).map(Pattern::Host),
        };
        pattern.map(Self).ok_or(InvalidHostPattern)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const ANYWHERE: &str = "http://127.0.0.1:8637";

    /// Checks a request for the control API, or for something else.
    fn checked(is_control: bool, target: &str, headers: &[(&str, &str)]) -> Result<(), ControlError> {
        checked_by(false, is_control, target, headers)
    }

    fn checked_by(
        is_tls: bool,
        is_control: bool,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<(), ControlError> {
        let allowed = ["ci.example.test", "*.lab.test"].map(|text| text.parse().unwrap());
        let request = TestRequest::with_uri(target);
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        check(request.to_http_request().head(), is_tls, is_control, &AllowedHosts::new(allowed.to_vec()))
    }

    #[test]
    fn a_host_is_an_address_or_a_name() {
        let name = |text: &str| Some(Host::Name(text.to_owned()));
        let address = |text: &str| Some(Host::Address(text.parse().unwrap()));
        for (text, host, port) in [
            ("127.0.0.1", address("127.0.0.1"), None),
            ("127.0.0.1.:80", address("127.0.0.1"), Some(80)),
            ("[::1]", address("::1"), None),
            ("[FE80::1%25eth0]:8637", address("fe80::1"), Some(8637)),
            ("::1", address("::1"), None),
            ("LocalHost.:", name("localhost"), None),
            ("a_b-c.example.test.:65535", name("a_b-c.example.test"), Some(65535)),
        ] {
            let authority = Authority::parse(text);
            let port_found = authority.as_ref().and_then(|authority| authority.port);
            assert_eq!((authority.map(|authority| authority.host), port_found), (host, port), "{text}");
        }
        for text in [
            "",
            ".",
            "a..b",
            "a..",
            ":80",
            "a:b",
            "a:65536",
            "a:80:80",
            "user@a",
            "a/b",
            "[a]",
            "[127.0.0.1]",
            "[::1",
            "[::1]x",
            "a b",
            "%61",
            "é",
        ] {
            assert!(Authority::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_name_with_a_dot_must_be_local_or_named() {
        for (host, is_served) in [
            ("10.0.0.1", true),
            ("[2001:db8::1]:80", true),
            ("emulator", true),
            ("a.localhost", true),
            ("host.docker.internal:8637", true),
            ("CI.example.test.:443", true),
            ("a.b.lab.test", true),
            ("", true),
            ("lab.test", false),
            ("evillab.test", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("notlocalhost.", true),
            ("not.alocalhost", false),
            ("nonsense:x", false),
        ] {
            let expected = if is_served { Ok(()) } else { Err(ControlError::ForeignHost) };
            let head = [("Host", host)];
            assert_eq!(checked(true, "/", &head), expected, "{host}");
            assert_eq!(checked(false, "/", &head), Ok(()), "{host}");
            let of_browser = [("Host", host), ("Sec-Fetch-Site", "cross-site")];
            assert_eq!(checked(false, "/", &of_browser), expected, "{host}");
        }
        assert_eq!(checked(true, "/", &[]), Ok(()));
        assert_eq!(checked(true, "http://evil.example/", &[("Host", "a")]), Err(ControlError::ForeignHost));
        let twice = [("Host", "a"), ("Host", "evil.example")];
        assert_eq!(checked(true, "/", &twice), Err(ControlError::ForeignHost));
    }

    #[test]
    fn a_page_is_of_this_origin_or_named() {
        for (host, origin, site, is_own) in [
            ("127.0.0.1:8637", Some(ANYWHERE), Some("same-origin"), true),
            ("127.0.0.1:8637", Some(ANYWHERE), None, true),
            ("127.0.0.1:8637", None, Some("same-origin"), true),
            ("127.0.0.1:8637", None, Some("none"), true),
            ("LOCALHOST:80", Some("http://localhost"), None, true),
            ("[::1]:1", Some("http://[::1]:1"), None, true),
            ("a", Some("https://ci.example.test:3000"), Some("cross-site"), true),
            ("a", Some("http://x.lab.test"), Some("same-site"), true),
            ("a", None, Some("same-site"), false),
            ("a", None, Some("cross-site"), false),
            ("a", None, Some("Same-Origin"), false),
            ("a", None, Some(""), false),
            ("a", Some("http://a"), Some("cross-site"), false),
            ("a", Some("http://b"), Some("same-origin"), false),
            ("a", Some("https://a"), None, false),
            ("a:1", Some("http://a:2"), None, false),
            ("a", Some("null"), None, false),
            ("a", Some(""), None, false),
            ("a", Some("http://lab.test"), None, false),
            ("", Some("http://a"), None, false),
        ] {
            let mut head = vec![("Host", host)];
            head.extend(origin.map(|origin| ("Origin", origin)));
            head.extend(site.map(|site| ("Sec-Fetch-Site", site)));
            let expected = if is_own { Ok(()) } else { Err(ControlError::ForeignOrigin) };
            assert_eq!(checked(true, "/", &head), expected, "{head:?}");
            assert_eq!(checked(false, "/", &head), Ok(()), "{head:?}");
        }
        let twice = [("Host", "a"), ("Origin", "http://ci.example.test"), ("Origin", "http://evil.example")];
        assert_eq!(checked(true, "/", &twice), Err(ControlError::ForeignOrigin));
    }

    #[test]
    fn a_page_that_came_by_https_is_of_another_origin_than_one_of_http() {
        for (is_tls, origin, is_own) in [
            (true, "https://a", true),
            (true, "https://a:443", true),
            (true, "http://a", false),
            (true, "http://a:443", false),
            (false, "https://a", false),
        ] {
            let expected = if is_own { Ok(()) } else { Err(ControlError::ForeignOrigin) };
            let head = [("Host", "a"), ("Origin", origin)];
            assert_eq!(checked_by(is_tls, true, "/", &head), expected, "{is_tls} {origin}");
        }
    }

    #[test]
    fn a_pattern_is_a_host_or_a_domain() {
        let parsed = |text: &str| text.parse::<HostPattern>();
        assert_eq!(parsed("CI.Example.test."), parsed("ci.example.test"));
        assert_eq!(parsed("*.Lab.test."), parsed("*.lab.test"));
        for text in ["", "*", "*.", "*.10.0.0.1", "a.*.test", "http://a.test", "a.test:80", "a test"] {
            assert_eq!(parsed(text), Err(InvalidHostPattern), "{text}");
        }
    }
}
