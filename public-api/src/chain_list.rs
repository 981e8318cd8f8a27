//! `GET /chains`: what can be verified and read, without any key of ours.

use actix_web::{HttpResponse, route, web};
use common::config::chains::Chain;
use serde_json::{Value, json};

use crate::state::State;

#[route("/chains", method = "GET", method = "HEAD")]
pub(crate) async fn chains(state: web::Data<State>) -> HttpResponse {
    let list: Vec<Value> = state.chains.in_order().into_iter().map(document).collect();
    HttpResponse::Ok()
        .content_type(common::api::problem::JSON)
        .json(list)
}

fn document(chain: &Chain) -> Value {
    let traces = chain.rpcs.iter().enumerate().filter_map(|(index, rpc)| {
        rpc.traces
            .map(|support| json!({"type": support.method(), "index": index}))
    });
    json!({
        "name": chain.name,
        "chainId": chain.id.as_i64(),
        "rpc": chain.rpcs.iter().map(|rpc| rpc.public_url.as_str()).collect::<Vec<_>>(),
        "traceSupportedRPCs": traces.collect::<Vec<_>>(),
        "supported": chain.supported,
        "etherscanAPI": chain.etherscan_api.is_some(),
    })
}
