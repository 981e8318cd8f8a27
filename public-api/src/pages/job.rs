//! `GET /verify-ui/jobs/{verificationId}`: how a verification stands.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::Reason;
use common::api::time;
use common::config::chains::ChainRegistry;
use common::db::jobs::{JobId, JobRecord, Progress};
use verification::failure::failure_message;

use super::contract::{chain_name, levels};
use super::html::{Html, code, fact, link};
use super::page::{ErrorPage, Page};
use crate::fault::fault;
use crate::params;
use crate::state::State;

#[route("/verify-ui/jobs/{verificationId}", method = "GET", method = "HEAD")]
pub(crate) async fn show_job(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ErrorPage> {
    let id = params::verification_id(&request)?;
    // A person sees at once that it is under way; the page comes back by itself.
    let found = state.events.wait_for_end(JobId(id), Duration::ZERO).await;
    let found = found.map_err(|error| fault("a job could not be read", &error))?;
    let job = found.ok_or(Reason::JobNotFound(id))?;
    Ok(page(&job, &state.chains).answer(HttpResponse::Ok()))
}

fn page(job: &JobRecord, chains: &ChainRegistry) -> Page {
    let (title, outcome) = match &job.progress {
        Progress::Pending => ("Waiting for a verifier", Html::default()),
        Progress::Running { .. } => ("Verification under way", Html::default()),
        Progress::Succeeded {
            finished_at,
            levels: found,
            ..
        } => {
            let finished = fact("Finished", code(time::render(*finished_at)));
            ("Verified", finished.then(levels(*found)))
        }
        Progress::Failed {
            finished_at,
            error_code,
            error_id,
            error_data,
            ..
        } => {
            let data = error_data.as_ref();
            let message = failure_message(error_code, data, job.chain_id, job.address);
            let message = Html::default().text(message);
            let finished = fact("Finished", code(time::render(*finished_at)));
            let error = finished.then(fact("Error", code(error_code)));
            let error = error.then(fact("Message", message));
            ("Not verified", error.then(fact("Error id", code(error_id))))
        }
    };
    let (chain, address) = (job.chain_id, job.address);
    let contract = link(format_args!("../../repo-ui/{chain}/{address}"), address);
    let facts = fact("Verification", code(job.id))
        .then(fact(
            "Chain",
            Html::default().text(chain_name(chains, chain)),
        ))
        .then(fact("Contract", contract))
        .then(fact("Started", code(time::render(job.started_at))))
        .then(outcome);
    Page {
        title: title.to_owned(),
        reloads: !job.is_ended(),
        body: Html::default().tags("<dl>\n").then(facts).tags("</dl>\n"),
    }
}
