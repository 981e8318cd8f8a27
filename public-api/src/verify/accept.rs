//! What all verifications have in common: the chain must take them, and a checked request becomes a job.
//!
//! The 202 is sent after the commit, and so is the call to the verifier: from the commit on, a crash of
//! anybody only delays.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use common::api::problem::{JSON, Problem, Reason};
use common::config::chains::Chain;
use common::db::jobs::{self, Acceptance, JobId, JobKind, NewJob};
use common::telemetry::{metrics, propagation};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use verification::chain::Address;

use crate::body::{self, Body};
use crate::client_address::client_address;
use crate::fault::{fault, in_time};
use crate::params::{self, ContractParams};
use crate::state::State;

/// The contract of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contract<'a> {
    pub(super) chain: &'a Chain,
    pub(super) address: Address,
}

/// The answer to a request that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedDocument {
    verification_id: Uuid,
}

/// The parts of a request whose shape all of them share, checked in the order of the contract.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
) -> Result<(Body, ContractParams), Reason> {
    let body = body::read_json(request, payload, &state.bodies).await?;
    let params = ContractParams::shape(request)?;
    let [] = params::query(request, [])?;
    Ok((body, params))
}

impl<'a> Contract<'a> {
    /// On a chain that takes new verifications.
    pub(super) fn resolve(params: ContractParams, state: &'a State) -> Result<Self, Reason> {
        let (chain, address) = params.resolve(&state.chains)?;
        if !chain.supported {
            return Err(Reason::DeprecatedChain(chain.id.to_string()));
        }
        Ok(Self { chain, address })
    }

    /// Before other servers are asked: a request that would not be taken anyway is spared that.
    pub(super) async fn check_is_free(
        self,
        request: &HttpRequest,
        state: &State,
    ) -> Result<(), Problem> {
        let client = client_address(request, state.proxies);
        let (chain, address) = (self.chain.id, self.address);
        let foreseen = jobs::foresee(&state.database, chain, address, client, state.limits);
        let foreseen = in_time("a job could not be foreseen", foreseen).await?;
        self.refusal(foreseen)
            .map_or(Ok(()), |reason| Err(reason.into()))
    }

    fn refusal(self, acceptance: Acceptance) -> Option<Reason> {
        let (chain_id, address) = (self.chain.id.to_string(), self.address);
        match acceptance {
            Acceptance::Accepted => None,
            Acceptance::AlreadyVerified => Some(Reason::AlreadyVerified { chain_id, address }),
            Acceptance::Duplicate => Some(Reason::AlreadyBeingVerified { chain_id, address }),
            Acceptance::TooManyOfClient => Some(Reason::TooManyOfClient),
            Acceptance::TooMany => Some(Reason::TooMany),
        }
    }
}

pub(super) async fn accept(
    request: &HttpRequest,
    state: &State,
    contract: Contract<'_>,
    kind: JobKind,
    input: &impl Serialize,
) -> Result<HttpResponse, Problem> {
    let input = serde_json::to_value(input)
        .map_err(|error| fault("a request could not be kept", &error))?;
    let address = contract.address;
    let place = state.dispatcher.reserve();
    let job = NewJob {
        id: JobId::random(),
        chain_id: contract.chain.id,
        address,
        endpoint: request.path().to_owned(),
        traceparent: propagation::traceparent(),
        kind,
        input,
        client: client_address(request, state.proxies),
        limits: state.limits,
        due_after: state.dispatcher.due_after(place.as_ref()),
    };
    // A commit that is not answered in time may stand: then the job runs, and a repetition is a duplicate.
    let accepting = jobs::accept(&state.database, &job);
    let acceptance = in_time("a job could not be accepted", accepting).await?;
    if let Some(reason) = contract.refusal(acceptance) {
        return Err(reason.into());
    }
    tracing::Span::current().record("job_id", tracing::field::display(job.id));
    metrics::count("jobs_accepted", &[("kind", kind.name())]);
    tracing::info!(
        event = "job_accepted", job_id = %job.id, chain_id = %job.chain_id, %address,
        kind = kind.name(), "accepted job {}", job.id
    );
    state.dispatcher.accepted(job.id, place);
    Ok(HttpResponse::Accepted()
        .content_type(JSON)
        .json(AcceptedDocument {
            verification_id: job.id.0,
        }))
}
