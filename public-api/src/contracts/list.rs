//! Contracts in lists: `GET /v2/contract/all-chains/{address}` and `GET /v2/contracts/{chainId}`.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::contract::ContractList;
use common::api::problem::{JSON, Problem, Reason};
use common::db::contracts::{Page, SortOrder};
use common::lookup;
use utoipa::ToSchema;

use crate::answer::{self, Etag};
use crate::documented::{AddressOnly, ChainOnly, ReadProblems};
use crate::fault::fault;
use crate::params::{self, AddressParam, ChainParam};
use crate::state::State;

/// The order of a list, as the query says it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its description is used")]
enum Sort {
    Asc,
    Desc,
}

const MAX_LIMIT: u16 = 200;

/// The contracts of one address on all chains
#[utoipa::path(
    get,
    tag = "contracts",
    params(AddressOnly),
    responses(
        (status = 200, description = "By chain, also those that take no new verifications", body = ContractList,
         headers(("etag" = String), ("cache-control" = String))),
        (status = 304, description = "The client has this very document (`If-None-Match`)"),
        (status = 404, description = "It is verified on no chain: `results` is empty", body = ContractList),
        ReadProblems,
    )
)]
#[route("/v2/contract/all-chains/{address}", method = "GET", method = "HEAD")]
pub(crate) async fn on_all_chains(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let address = AddressParam::shape(&request)?;
    let [] = params::query(&request, [])?;
    let found = lookup::on_all_chains(&state.database, address.resolve()?)
        .await
        .map_err(|error| fault("a contract's chains could not be read", &error))?;
    if found.results.is_empty() {
        return Ok(HttpResponse::NotFound().content_type(JSON).json(found));
    }
    show(&request, &found)
}

/// The contracts of one chain, in pages
///
/// A page that is shorter than `limit` is the last one; else the last `matchId` of a page is the
/// `afterMatchId` of the next.
#[utoipa::path(
    get,
    tag = "contracts",
    params(
        ChainOnly,
        ("sort" = inline(Option<Sort>), Query, nullable = false, description = "By match id; newest first by default"),
        ("limit" = Option<u16>, Query, nullable = false, minimum = 1, maximum = 200,
         description = "Of the page; 200 by default"),
        ("afterMatchId" = Option<String>, Query, nullable = false, pattern = r"^\d{1,19}$",
         description = "Only what comes after this match"),
    ),
    responses(
        (status = 200, description = "Also when there is none", body = ContractList,
         headers(("etag" = String), ("cache-control" = String))),
        (status = 304, description = "The client has this very document (`If-None-Match`)"),
        ReadProblems,
    )
)]
#[route("/v2/contracts/{chainId}", method = "GET", method = "HEAD")]
pub(crate) async fn on_chain(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let chain = ChainParam::shape(&request)?;
    let [sort, limit, after] = params::query(&request, ["sort", "limit", "afterMatchId"])?;
    let page = page(sort.as_deref(), limit.as_deref(), after.as_deref())?;
    let chain = chain.resolve(&state.chains)?;
    let found = lookup::on_chain(&state.database, chain.id, page)
        .await
        .map_err(|error| fault("a chain's contracts could not be read", &error))?;
    show(&request, &found)
}

fn show(request: &HttpRequest, list: &ContractList) -> Result<HttpResponse, Problem> {
    let body =
        serde_json::to_vec(list).map_err(|error| fault("a list could not be written", &error))?;
    Ok(answer::document(request, &Etag::of_body(&body), body))
}

fn page(sort: Option<&str>, limit: Option<&str>, after: Option<&str>) -> Result<Page, Reason> {
    let order = match sort {
        None | Some("desc") => SortOrder::Descending,
        Some("asc") => SortOrder::Ascending,
        Some(_) => {
            return Err(wrong(
                "sort must be equal to one of the allowed values: asc, desc",
            ));
        }
    };
    Ok(Page {
        order,
        after_match_id: after.map(match_id).transpose()?,
        limit: limit.map_or(Ok(MAX_LIMIT), self::limit)?,
    })
}

fn limit(text: &str) -> Result<u16, Reason> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("limit must be integer"));
    }
    match text.parse() {
        Ok(0) => Err(wrong("limit must be >= 1")),
        Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
        _ if text.starts_with('-') => Err(wrong("limit must be >= 1")),
        _ => Err(wrong("limit must be <= 200")),
    }
}

/// Never negative, and at most 63 bits, since the database keeps it as a signed integer.
fn match_id(text: &str) -> Result<i64, Reason> {
    let id = text.parse().ok();
    id.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| wrong("afterMatchId must be a match id"))
}

fn wrong(what: &str) -> Reason {
    Reason::InvalidParameter(format!("request/query/{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_newest_two_hundred_unless_said_otherwise() {
        let usual = Page {
            order: SortOrder::Descending,
            after_match_id: None,
            limit: 200,
        };
        assert_eq!(page(None, None, None), Ok(usual));
        let other = Page {
            order: SortOrder::Ascending,
            after_match_id: Some(i64::MAX),
            limit: 1,
        };
        assert_eq!(
            page(Some("asc"), Some("1"), Some("9223372036854775807")),
            Ok(other)
        );
    }

    #[test]
    fn each_wrong_value_has_its_message() {
        for (sort, limit, after, message) in [
            (
                Some("up"),
                None,
                None,
                "sort must be equal to one of the allowed values: asc, desc",
            ),
            (None, Some("0"), None, "limit must be >= 1"),
            (None, Some("-7"), None, "limit must be >= 1"),
            (None, Some("201"), None, "limit must be <= 200"),
            (
                None,
                Some("99999999999999999999"),
                None,
                "limit must be <= 200",
            ),
            (None, Some("1.5"), None, "limit must be integer"),
            (None, Some("ten"), None, "limit must be integer"),
            (None, Some("-"), None, "limit must be integer"),
            (None, None, Some("zzz"), "afterMatchId must be a match id"),
            (None, None, Some("-1"), "afterMatchId must be a match id"),
            (
                None,
                None,
                Some("9223372036854775808"),
                "afterMatchId must be a match id",
            ),
        ] {
            let wanted = Reason::InvalidParameter(format!("request/query/{message}"));
            assert_eq!(page(sort, limit, after), Err(wanted));
        }
    }
}
