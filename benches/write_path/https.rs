//! The rows of HTTPS, beside plain HTTP of the same server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Outcome;
use crate::files::Files;
use crate::load::{Kind, Observed, drive, drive_over};
use crate::report::{Report, median};
use crate::rows::{MANY_CONNECTIONS, Plan, create_script, warm_up};
use crate::server::Server;

/// Measures creates on connections that are kept, and handshakes one after the other.
pub(crate) async fn https(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let database = files.database("https", 0).await?;
    let server = Server::with_https(&database)?;
    let address = server.tls_address.ok_or("a server without HTTPS")?;
    let mut authority = database.into_os_string();
    authority.push(".ca.pem");
    let client = Client::trusting(&std::fs::read(authority)?)?;
    let script = create_script(1);
    warm_up(&server, &script).await?;
    let (mut rounds, mut handshakes): (Vec<(Observed, Observed)>, Vec<f64>) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let over_plain = drive(server.address, MANY_CONNECTIONS, &script, plan.period).await?;
        let mut streams = Vec::new();
        for _ in 0..MANY_CONNECTIONS {
            streams.push(client.connect(address).await?);
        }
        rounds.push((over_plain, drive_over(streams, &script, plan.period).await?));
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < plan.period {
            client.connect(address).await?;
            count += 1;
        }
        handshakes.push(f64::from(count) / begun.elapsed().as_secs_f64());
    }
    let rate = |observed: &Observed| observed.rate(Kind::Create);
    report.push(
        format!("create by HTTPS, {MANY_CONNECTIONS} conn."),
        vec![
            ("requests/s", median(rounds.iter().map(|(_, tls)| rate(tls)))),
            ("of plain", median(rounds.iter().map(|(beside, tls)| rate(tls) / rate(beside)))),
            ("us p50", median(rounds.iter().map(|(_, tls)| tls.of(Kind::Create).micros(500)))),
            ("us p99", median(rounds.iter().map(|(_, tls)| tls.of(Kind::Create).micros(990)))),
        ],
    );
    report.push("handshakes, one after the other", vec![("handshakes/s", median(handshakes))]);
    Ok(())
}

/// A client that trusts the server's authority, and resumes no sessions.
struct Client(TlsConnector);

impl Client {
    fn trusting(authority: &[u8]) -> Outcome<Self> {
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(authority)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(trusted).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    async fn connect(&self, address: SocketAddr) -> Outcome<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(self.0.connect(ServerName::try_from("localhost")?, stream).await?)
    }
}
