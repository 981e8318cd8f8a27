//! `GET /address/{address}`: on which chains a contract is verified. One chain needs no choice.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, route, web};
use common::db::contracts::MatchRow;
use common::lookup;

use super::contract::{chain_name, level_name};
use super::html::{Html, link};
use super::page::{ErrorPage, Page};
use crate::fault::fault;
use crate::params::AddressParam;
use crate::state::State;

#[route("/address/{address}", method = "GET", method = "HEAD")]
pub(crate) async fn choose_chain(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ErrorPage> {
    let address = AddressParam::shape(&request)?.resolve()?;
    let found = lookup::matches_on_all_chains(&state.database, address).await;
    let found = found.map_err(|error| fault("a contract could not be read", &error))?;
    let page = |what: &str, body| Page {
        title: format!("{address} {what}"),
        reloads: false,
        body,
    };
    Ok(match found.as_slice() {
        [] => {
            page("is not verified on any chain", Html::default()).answer(HttpResponse::NotFound())
        }
        [only] => HttpResponse::Found()
            .insert_header((LOCATION, place(only)))
            .finish(),
        several => {
            let list = several
                .iter()
                .fold(Html::default().tags("<ul>\n"), |list, row| {
                    let name = chain_name(&state.chains, row.chain_id);
                    let item = link(place(row), name)
                        .tags(": ")
                        .text(level_name(row.levels.best()));
                    list.tags("<li>").then(item).tags("</li>\n")
                });
            page("is verified on several chains", list.tags("</ul>\n")).answer(HttpResponse::Ok())
        }
    })
}

fn place(row: &MatchRow) -> String {
    format!("../repo-ui/{}/{}", row.chain_id, row.address)
}
