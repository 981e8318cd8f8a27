//! Who may call a service that is not public.

use std::sync::atomic::Ordering::SeqCst;

use local_stack::cloud_run::InvokerConfig;
use local_stack::identity::IdentityServer;
use local_stack::issuer::{self, Issuer};

use crate::{Service, revision};

const AUDIENCE: &str = "internal-verifier";
const SERVERLESS: &str = "x-serverless-authorization";

async fn private(identity: &IdentityServer) -> Service {
    let invoker = InvokerConfig {
        account: issuer::PUBLIC_API.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_url: identity.platform_jwks_url(),
    };
    Service::with(revision(), Some(invoker), &[]).await
}

async fn status(service: &Service, headers: &[(&str, &str)]) -> u16 {
    let mut request = reqwest::Client::new().post(service.run.url());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_the_invoker_makes_an_instance_start() {
    let identity = IdentityServer::start(issuer::PUBLIC_API).unwrap();
    let service = private(&identity).await;
    let bearer = |issuer: &Issuer, account, audience| {
        format!("Bearer {}", issuer.token(account, audience).unwrap())
    };
    let real = identity.issuer();
    let forger = Issuer::new("local-key-1").unwrap();
    let good = bearer(real, issuer::PUBLIC_API, AUDIENCE);
    let stranger = bearer(real, issuer::SWEEPER, AUDIENCE);
    let elsewhere = bearer(real, issuer::PUBLIC_API, "public-api");
    let forged = bearer(&forger, issuer::PUBLIC_API, AUDIENCE);
    for (wanted, headers) in [
        (403, vec![]),
        (401, vec![("authorization", "Basic YTpi")]),
        (401, vec![("authorization", "Bearer x")]),
        (401, vec![("authorization", elsewhere.as_str())]),
        (401, vec![("authorization", forged.as_str())]),
        (403, vec![("authorization", stranger.as_str())]),
        (
            403,
            vec![(SERVERLESS, stranger.as_str()), ("authorization", &good)],
        ),
    ] {
        assert_eq!(status(&service, &headers).await, wanted, "{headers:?}");
    }
    assert_eq!(service.report().started, 0);
    assert_eq!(status(&service, &[("authorization", &good)]).await, 201);
    let both = [(SERVERLESS, good.as_str()), ("authorization", "Basic YTpi")];
    assert_eq!(status(&service, &both).await, 201);
}

#[tokio::test]
async fn an_outage_of_our_key_server_is_none_of_the_platform() {
    let identity = IdentityServer::start(issuer::PUBLIC_API).unwrap();
    identity.switches().certs_status.store(500, SeqCst);
    let service = private(&identity).await;
    let good = identity
        .issuer()
        .token(issuer::PUBLIC_API, AUDIENCE)
        .unwrap();
    let good = format!("Bearer {good}");
    assert_eq!(status(&service, &[("authorization", &good)]).await, 201);
    assert_eq!(identity.switches().certs_hits.load(SeqCst), 0);
}
