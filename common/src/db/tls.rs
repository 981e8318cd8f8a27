//! How connections to Postgres are encrypted, and whom we believe.
//!
//! With an authority of its own, as each instance of Cloud SQL has one, the server's certificate must be from
//! it, and may have any name: that authority signs for one server only, whose certificate names the instance
//! and not the address at which it is reached. Without one, the machine's authorities and the name decide.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why no connection can be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the authority's certificates cannot be read: {0}")]
    Pem(rustls::pki_types::pem::Error),
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// Whom a server's certificate must be from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trust<'a> {
    /// The one whose certificates these are, as PEM.
    Authority(&'a str),
    /// Any that this machine trusts.
    Machine,
    /// There is no TLS, and the machine's hundred certificates need not be read.
    Nobody,
}

pub(super) fn connector(trust: Trust<'_>) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let builder = match trust {
        Trust::Authority(pem) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OfAuthority::new(pem, &provider)?)),
        Trust::Machine => builder.with_platform_verifier()?,
        Trust::Nobody => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

/// Believes each server whose certificate is from one authority.
#[derive(Debug)]
struct OfAuthority {
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl OfAuthority {
    fn new(pem: &str, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(TlsError::Pem)?)?;
        }
        Ok(Self {
            roots,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for OfAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _any_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
