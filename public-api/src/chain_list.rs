//! `GET /chains`: what can be verified and read, without any key of ours.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::{JSON, Problem};
use common::config::chains::Chain;
use serde::Serialize;
use utoipa::ToSchema;

use crate::documented::ReadProblems;
use crate::params;
use crate::state::State;

/// A configured chain.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChainDocument<'a> {
    #[schema(example = "Ethereum Mainnet")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<&'a str>,
    #[schema(example = 1)]
    chain_id: i64,
    /// Without keys.
    rpc: Vec<&'a str>,
    #[serde(rename = "traceSupportedRPCs")]
    trace_supported_rpcs: Vec<TraceSupport>,
    /// Whether new verifications are taken; if not, its contracts are only shown.
    supported: bool,
    /// Whether contracts can be imported from Etherscan.
    #[serde(rename = "etherscanAPI")]
    etherscan_api: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct TraceSupport {
    /// `trace_transaction` or `debug_traceTransaction`.
    r#type: &'static str,
    /// Into `rpc`.
    index: usize,
}

/// The chains
///
/// Ethereum and its test networks first, the others by title or name.
#[utoipa::path(
    get,
    tag = "service",
    responses((status = 200, description = "All configured chains", body = Vec<ChainDocument>), ReadProblems)
)]
#[route("/chains", method = "GET", method = "HEAD")]
pub(crate) async fn chains(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let [] = params::query(&request, [])?;
    let list: Vec<_> = state.chains.in_order().into_iter().map(document).collect();
    Ok(HttpResponse::Ok().content_type(JSON).json(list))
}

fn document(chain: &Chain) -> ChainDocument<'_> {
    let traces = chain.rpcs.iter().enumerate().filter_map(|(index, rpc)| {
        let r#type = rpc.traces?.method();
        Some(TraceSupport { r#type, index })
    });
    let rpc = chain.rpcs.iter().map(|rpc| rpc.public_url.as_str());
    ChainDocument {
        name: &chain.name,
        title: chain.title.as_deref(),
        chain_id: chain.id.as_i64(),
        rpc: rpc.collect(),
        trace_supported_rpcs: traces.collect(),
        supported: chain.supported,
        etherscan_api: chain.etherscan_api.is_some(),
    }
}
