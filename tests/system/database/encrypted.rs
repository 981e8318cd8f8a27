//! Connections over TLS, to a server that somebody vouches for.
//!
//! Postgres speaks TLS over TCP only, and the tests' own listens on a Unix socket. In front of it stands
//! what the server itself does first: it answers the client's request for TLS, and then there is TLS.

use std::process::Command;
use std::sync::Arc;

use common::db::{Database, DatabaseConfig};
use local_stack::programs::Programs;
use local_stack::run::{Ran, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_rustls::TlsAcceptor;

use super::story::World;
use crate::support::LIMIT;

/// An instance of Cloud SQL has such an authority: it signs for one server, by the instance's name.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn server(&self) -> TlsAcceptor {
        self.server_named("project:instance")
    }

    fn server_named(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What stands in front of the database of a test.
struct Front {
    url: String,
}

impl Front {
    /// `None`: a server without TLS.
    async fn start(world: &World, tls: Option<TlsAcceptor>) -> Self {
        let settings: tokio_postgres::Config = world.place.url().parse().unwrap();
        let [Host::Unix(folder)] = settings.get_hosts() else {
            panic!("the tests' own Postgres listens on a Unix socket")
        };
        let socket = folder.join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "postgres://{}@{}/{}",
            settings.get_user().unwrap(),
            listener.local_addr().unwrap(),
            settings.get_dbname().unwrap()
        );
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                // A client that does not like what it sees goes away.
                tokio::spawn(serve(client, server, tls.clone()));
            }
        });
        Self { url }
    }
}

async fn serve(
    mut client: TcpStream,
    mut server: UnixStream,
    tls: Option<TlsAcceptor>,
) -> std::io::Result<()> {
    /// The length, and the number of Postgres's `SSLRequest`.
    const WANTS_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut first = [0; 8];
    client.peek(&mut first).await?;
    if first != WANTS_TLS {
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    client.read_exact(&mut first).await?;
    let Some(tls) = tls else {
        return client.write_all(b"N").await;
    };
    client.write_all(b"S").await?;
    let mut client = tls.accept(client).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn ping(url: &str, authority: Option<String>) -> Result<(), String> {
    let config = DatabaseConfig {
        authority,
        ..DatabaseConfig::new(url, "encrypted")
    };
    let database = Database::new(config).map_err(|error| common::report::with_causes(&error))?;
    let answer = database.ping().await;
    answer.map_err(|error| common::report::with_causes(&error))
}

#[tokio::test]
async fn a_server_of_the_given_authority_is_believed_whatever_its_name() {
    let world = World::new().await;
    let authority = Authority::new();
    let front = Front::start(&world, Some(authority.server())).await;
    ping(&front.url, Some(authority.pem())).await.unwrap();
    let many = format!("{}{}", Authority::new().pem(), authority.pem());
    ping(&front.url, Some(many)).await.unwrap();
}

#[tokio::test]
async fn a_server_of_somebody_else_is_not() {
    let world = World::new().await;
    let front = Front::start(&world, Some(Authority::new().server())).await;
    let refused = ping(&front.url, Some(Authority::new().pem())).await;
    assert!(refused.unwrap_err().contains("invalid peer certificate"));
    let of_this_machine = ping(&format!("{}?sslmode=require", front.url), None).await;
    assert!(
        of_this_machine
            .unwrap_err()
            .contains("invalid peer certificate")
    );
}

/// By a program on a machine that trusts this authority.
async fn migrate_where_trusted(url: &str, authority: &Authority) -> Result<Ran, anyhow::Error> {
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), authority.pem()).unwrap();
    let program = Programs::beside_this_one().unwrap();
    let mut command = Command::new(program.find("migrate").unwrap());
    command
        .env_clear()
        .env("DATABASE_URL", format!("{url}?sslmode=require"))
        .env("SSL_CERT_FILE", trusted.path());
    // As Compose gives what nobody has set.
    for not_given in ["DATABASE_CA", "DATABASE_PASSWORD", "PUBLIC_ROLE"] {
        command.env(not_given, "");
    }
    run(command, LIMIT).await
}

#[tokio::test]
async fn of_an_authority_that_the_machine_trusts_the_name_decides() {
    let world = World::new().await;
    let authority = Authority::new();
    let right = Front::start(&world, Some(authority.server_named("127.0.0.1"))).await;
    let migrated = migrate_where_trusted(&right.url, &authority).await.unwrap();
    migrated
        .succeeded()
        .unwrap()
        .says("nothing to apply")
        .unwrap();
    let wrong = Front::start(&world, Some(authority.server())).await;
    let refused = migrate_where_trusted(&wrong.url, &authority).await.unwrap();
    let refused = refused.refused().unwrap();
    refused.says("certificate not valid for name").unwrap();
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_a_server_that_must_have_it() {
    let world = World::new().await;
    let plain = Front::start(&world, None).await;
    for (url, authority) in [
        (plain.url.clone(), Some(Authority::new().pem())),
        (format!("{}?sslmode=require", plain.url), None),
    ] {
        let refused = ping(&url, authority).await.unwrap_err();
        assert!(refused.contains("server does not support TLS"), "{refused}");
    }
    // Nobody asked for it.
    ping(&plain.url, None).await.unwrap();
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_told() {
    let broken = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n";
    let refused = ping("postgres://x@127.0.0.1:1/x", Some(broken.to_owned())).await;
    assert!(refused.unwrap_err().contains("cannot be encrypted"));
}
