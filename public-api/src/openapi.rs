//! The `OpenAPI` document of this service, made from its handlers and documents, and a page to read it.
//!
//! `public-api/openapi.json` holds it too, so that a change of the API shows in its review; a test
//! compares the two.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::Problem;
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::answer::{self, Etag};
use crate::fault::fault;
use crate::params;
use crate::verify::ProgressDocument;
use crate::{chain_list, contracts, health, verify};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sourcerun",
        description = "Verifies that sources belong to the code of deployed contracts, and shows what was verified. \
                       Speaks the Sourcify API v2.\n\n\
                       Answers to GET are also given to HEAD, without a body. Unknown paths and methods are answered \
                       404 `route_not_found`; unknown query parameters are refused.",
        license(name = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "verify", description = "Verifications: taken at once, done elsewhere, shown here"),
        (name = "contracts", description = "Verified contracts"),
        (name = "service", description = "The service itself"),
    ),
    paths(
        verify::submit::std_json,
        verify::metadata::by_metadata,
        verify::etherscan::from_etherscan,
        verify::similarity::by_similarity,
        verify::job::get_job,
        verify::events::get_events,
        contracts::contract::get_contract,
        contracts::list::on_all_chains,
        contracts::list::on_chain,
        chain_list::chains,
        health::health,
        health::ready,
        health::version,
    ),
    components(schemas(ProgressDocument)),
)]
struct Api;

#[route("/openapi.json", method = "GET", method = "HEAD")]
pub(crate) async fn document(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let [] = params::query(&request, [])?;
    let body = Api::openapi()
        .to_json()
        .map_err(|error| fault("the API's document could not be written", &error))?;
    Ok(answer::document(
        &request,
        &Etag::of_body(body.as_bytes()),
        body.into_bytes(),
    ))
}

/// `/api-docs/`: everything it shows lies in this program; nothing is fetched from elsewhere.
pub(crate) fn page(routes: &mut web::ServiceConfig) {
    let config = Config::new(["/openapi.json"])
        .use_base_layout()
        // It would ask a validator on the internet.
        .validator_url("none");
    routes
        .service(web::redirect("/api-docs", "/api-docs/"))
        .service(SwaggerUi::new("/api-docs/{_:.*}").config(config));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_that_is_checked_in_is_the_programs() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let current = Api::openapi().to_pretty_json().unwrap() + "\n";
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if kept != current {
            std::fs::write(&path, current).unwrap();
            panic!(
                "{} was not what the program says; it is now",
                path.display()
            );
        }
    }
}
