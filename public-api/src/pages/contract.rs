//! `GET /repo-ui/{chainId}/{address}`: a verified contract with its sources.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::time;
use common::config::chains::ChainRegistry;
use common::db::contracts::{Compilation, SourceFile};
use common::db::{Database, DatabaseError};
use common::lookup::{self, StoredContract};
use serde_json::Value;
use serde_json::value::RawValue;
use verification::chain::{Address, ChainId};
use verification::verdict::{MatchLevels, MatchStatus};

use super::html::{Html, code, fact, folded, link};
use super::page::{ErrorPage, Page};
use crate::fault::fault;
use crate::params::ContractParams;
use crate::state::State;

/// What is longer is left to programs: a browser would stand still.
const MAX_SHOWN_BYTES: usize = 2 << 20;

#[route("/repo-ui/{chainId}/{address}", method = "GET", method = "HEAD")]
pub(crate) async fn show_contract(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ErrorPage> {
    let (chain, address) = ContractParams::shape(&request)?.resolve(&state.chains)?;
    let found = find(&state.database, chain.id, address).await;
    let found = found.map_err(|error| fault("a contract could not be read", &error))?;
    Ok(match found {
        Some(contract) => contract.page(&state.chains).answer(HttpResponse::Ok()),
        None => not_verified(&chain.name, address).answer(HttpResponse::NotFound()),
    })
}

fn not_verified(chain: &str, address: Address) -> Page {
    let start = Html::default()
        .tags("<p>No match of this contract is known on ")
        .text(chain);
    let start = start
        .tags(". ")
        .then(link("../../verify-ui", "How to verify it"));
    let other = link(format_args!("../../address/{address}"), "Other chains");
    Page {
        title: format!("{address} is not verified"),
        reloads: false,
        body: start.tags(". ").then(other).tags(".</p>\n"),
    }
}

/// Nothing if it is not verified.
async fn find(
    database: &Database,
    chain_id: ChainId,
    address: Address,
) -> Result<Option<Contract>, DatabaseError> {
    let Some(found) = lookup::find(database, chain_id, address).await? else {
        return Ok(None);
    };
    Ok(Some(Contract(found.into_stored(MAX_SHOWN_BYTES).await?)))
}

struct Contract(StoredContract);

impl Contract {
    fn page(&self, chains: &ChainRegistry) -> Page {
        let facts = self.facts(chains).then(self.origin());
        let body = Html::default().tags("<dl>\n").then(facts).tags("</dl>\n");
        let (chain, address) = (self.0.matched.chain_id, self.0.matched.address);
        let all = format_args!("../../v2/contract/{chain}/{address}?fields=all");
        let body = body.tags("<p>").then(link(all, "All of it as JSON"));
        let other = link(format_args!("../../address/{address}"), "Other chains");
        let body = body.tags(" · ").then(other).tags("</p>\n");
        Page {
            title: self.0.compilation.name.clone(),
            reloads: false,
            body: body.then(texts(&self.0.compilation, self.0.sources.as_deref())),
        }
    }

    fn facts(&self, chains: &ChainRegistry) -> Html {
        let (matched, compilation) = (&self.0.matched, &self.0.compilation);
        let name = chain_name(chains, matched.chain_id);
        fact("Chain", Html::default().text(name))
            .then(fact("Address", code(matched.address)))
            .then(levels(matched.levels))
            .then(fact("Verified", code(time::render(matched.verified_at))))
            .then(fact("Contract", code(&compilation.fully_qualified_name)))
            .then(fact(
                "Language",
                Html::default().text(&compilation.language),
            ))
            .then(fact(
                "Compiler",
                code(format_args!(
                    "{} {}",
                    compilation.compiler, compilation.version
                )),
            ))
    }

    /// Where the contract came from, as far as that is known.
    fn origin(&self) -> Html {
        let deployment = &self.0.verified.deployment;
        let creation = self.0.verified.creation.as_ref();
        let values: Value = creation.map_or(Value::Null, |side| parsed(&side.values));
        let arguments = values.get("constructorArguments").and_then(Value::as_str);
        [
            (
                "Creation transaction",
                deployment.transaction_hash.map(code),
            ),
            ("Block", deployment.block_number.as_ref().map(code)),
            ("Deployer", deployment.deployer.map(code)),
            ("Constructor arguments", arguments.map(code)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(fact(name, value?)))
        .fold(Html::default(), Html::then)
    }
}

/// Sources, settings and ABI, each folded. `None`: the sources alone are too long.
fn texts(compilation: &Compilation, sources: Option<&[SourceFile]>) -> Html {
    let abi = format!("{:#}", parsed(&compilation.artifacts)["abi"]);
    let settings = format!("{:#}", parsed(&compilation.settings));
    let bytes = |sources: &[SourceFile]| {
        let lengths = sources.iter().map(|source| source.content.len());
        lengths.fold(
            abi.len().saturating_add(settings.len()),
            usize::saturating_add,
        )
    };
    let Some(sources) = sources.filter(|sources| bytes(sources) <= MAX_SHOWN_BYTES) else {
        return Html::default().tags("<p>The sources are too long for a page.</p>\n");
    };
    let texts = Html::default().tags("<h2>Sources</h2>\n");
    let texts = sources.iter().fold(texts, |texts, source| {
        texts.then(folded(&source.path, &source.content))
    });
    let texts = texts.tags("<h2>Compilation</h2>\n");
    texts
        .then(folded("Settings", settings))
        .then(folded("ABI", abi))
}

/// What was stored as JSON is JSON.
fn parsed(document: &RawValue) -> Value {
    serde_json::from_str(document.get()).unwrap_or_default()
}

/// The chain's name and id; of one that is no longer configured, the id.
pub(super) fn chain_name(chains: &ChainRegistry, id: ChainId) -> String {
    match chains.find(id) {
        Some(chain) => format!("{} ({id})", chain.name),
        None => format!("chain {id}"),
    }
}

/// Both sides of a match.
pub(super) fn levels(levels: MatchLevels) -> Html {
    let side = |level| Html::default().text(level_name(level));
    fact("Creation code", side(levels.creation)).then(fact("Runtime code", side(levels.runtime)))
}

pub(super) fn level_name(level: Option<MatchStatus>) -> &'static str {
    match level {
        Some(MatchStatus::ExactMatch) => "exact match",
        Some(MatchStatus::Match) => "match, but for the metadata",
        None => "no match",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn sources_too_long_for_a_browser_are_left_to_programs() {
        let compilation = Compilation {
            compiler: "solc".to_owned(),
            version: "0.8.28+commit.7893614a".to_owned(),
            language: "solidity".to_owned(),
            name: "A".to_owned(),
            fully_qualified_name: "a.sol:A".to_owned(),
            settings: raw(r#"{"evmVersion": "paris"}"#),
            artifacts: raw(r#"{"abi": []}"#),
            creation_code_artifacts: raw("{}"),
            runtime_code_artifacts: raw("{}"),
            additional_input: None,
        };
        let source = |content: String| SourceFile {
            path: "a.sol".to_owned(),
            content,
        };
        let shown = texts(&compilation, Some(&[source("contract A {}".to_owned())])).into_string();
        for text in [
            "<summary>a.sol</summary><pre>\ncontract A {}</pre>",
            "&quot;evmVersion&quot;: &quot;paris&quot;",
            "<summary>ABI</summary><pre>\n[]</pre>",
        ] {
            assert!(shown.contains(text), "{shown}");
        }
        let half = || source(" ".repeat(MAX_SHOWN_BYTES / 2));
        for too_long in [Some([half(), half()].as_slice()), None] {
            let shown = texts(&compilation, too_long).into_string();
            assert_eq!(shown, "<p>The sources are too long for a page.</p>\n");
        }
    }
}
