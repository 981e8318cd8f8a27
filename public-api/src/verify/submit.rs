//! `POST /v2/verify/{chainId}/{address}`: a verification by standard JSON is taken.
//!
//! The 202 is sent after the commit, and the verifier is called after the 202 is on its way: from
//! the commit on, a crash of anybody only delays.

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::{JSON, Problem, Reason};
use common::config::chains::Chain;
use common::db::jobs::{self, Acceptance, JobId, JobKind, NewJob};
use common::telemetry::{metrics, propagation};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use verification::chain::Address;

use super::request::{Shaped, StdJsonBody};
use crate::body;
use crate::client_address::client_address;
use crate::documented::{ChainAndAddress, SubmitProblems};
use crate::fault::fault;
use crate::params::{self, ContractParams};
use crate::state::State;

/// By standard JSON
///
/// Answered at once; `GET /v2/verify/{verificationId}` tells how it stands.
#[utoipa::path(
    tag = "verify",
    params(ChainAndAddress),
    request_body = StdJsonBody,
    responses((status = 202, description = "It is taken", body = AcceptedDocument), SubmitProblems)
)]
#[post("/v2/verify/{chainId}/{address}")]
pub(crate) async fn std_json(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let body = body::read_json(&request, payload).await?;
    let params = ContractParams::shape(&request)?;
    let [] = params::query(&request, [])?;
    let shaped = Shaped::parse(&body)?;
    let (chain, address) = params.resolve(&state.chains)?;
    if !chain.supported {
        return Err(Reason::DeprecatedChain(chain.id.to_string()).into());
    }
    let checked = shaped.check()?;
    let input = serde_json::to_value(checked)
        .map_err(|error| fault("a request could not be kept", &error))?;
    accept(&request, &state, chain, address, input).await
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AcceptedDocument {
    verification_id: Uuid,
}

async fn accept(
    request: &HttpRequest,
    state: &State,
    chain: &Chain,
    address: Address,
    input: Value,
) -> Result<HttpResponse, Problem> {
    let job = NewJob {
        id: JobId::random(),
        chain_id: chain.id,
        address,
        endpoint: request.path().to_owned(),
        traceparent: propagation::traceparent(),
        kind: JobKind::StdJson,
        input,
        client: client_address(request, state.proxies),
        limits: state.limits,
        first_sweep_after: state.dispatcher.sweep_after(),
    };
    let chain_id = chain.id.to_string();
    match jobs::accept(&state.database, &job)
        .await
        .map_err(|error| fault("a job could not be accepted", &error))?
    {
        Acceptance::Accepted => {}
        Acceptance::AlreadyVerified => {
            return Err(Reason::AlreadyVerified { chain_id, address }.into());
        }
        Acceptance::Duplicate => {
            return Err(Reason::AlreadyBeingVerified { chain_id, address }.into());
        }
        Acceptance::TooManyOfClient => return Err(Reason::TooManyOfClient.into()),
        Acceptance::TooMany => return Err(Reason::TooMany.into()),
    }
    tracing::Span::current().record("job_id", tracing::field::display(job.id));
    metrics::count("jobs_accepted", &[]);
    tracing::info!(event = "job_accepted", job_id = %job.id, chain_id, %address, "accepted job {}", job.id);
    state.dispatcher.dispatch(job.id);
    Ok(HttpResponse::Accepted()
        .content_type(JSON)
        .json(AcceptedDocument {
            verification_id: job.id.0,
        }))
}
