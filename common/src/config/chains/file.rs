//! The file's own shapes, and their translation.

use std::collections::BTreeMap;

use serde::Deserialize;
use verification::chain::ChainId;

use super::{Chain, ChainsError, EtherscanApi, Rpc, TraceSupport};
use crate::config::Secret;

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChainEntry {
    sourcify_name: Option<String>,
    title: Option<String>,
    #[serde(default)]
    supported: bool,
    etherscan_api: Option<EtherscanEntry>,
    #[serde(default)]
    rpc: Vec<RpcEntry>,
    /// The older way to say which endpoints give traces, by index into `rpc`.
    #[serde(default, rename = "traceSupportedRPCs")]
    trace_supported_rpcs: Vec<TraceEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EtherscanEntry {
    #[serde(default)]
    supported: bool,
    api_key_env_name: Option<String>,
}

#[derive(Deserialize)]
struct TraceEntry {
    r#type: String,
    index: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RpcEntry {
    Url(String),
    Object(RpcObject),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcObject {
    url: String,
    trace_support: Option<String>,
    api_key_env_name: Option<String>,
    sub_domain_env_name: Option<String>,
    #[serde(default)]
    headers: Headers,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    List(Vec<HeaderEntry>),
    Map(BTreeMap<String, String>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderEntry {
    header_name: String,
    header_value: Option<String>,
    header_env_name: Option<String>,
}

pub(super) fn parse(text: &str, secret: Lookup<'_>) -> Result<Vec<Chain>, ChainsError> {
    let entries: BTreeMap<String, ChainEntry> =
        serde_json::from_str(text).map_err(|source| ChainsError::Shape { source })?;
    let (mut chains, mut mistakes) = (Vec::new(), Vec::new());
    for (key, entry) in entries {
        match chain(&key, entry, secret) {
            Ok(chain) => chains.push(chain),
            Err(what) => mistakes.push(format!("chain \"{key}\": {what}")),
        }
    }
    if mistakes.is_empty() {
        Ok(chains)
    } else {
        Err(ChainsError::Entries(mistakes))
    }
}

fn chain(key: &str, entry: ChainEntry, secret: Lookup<'_>) -> Result<Chain, String> {
    let id: ChainId = key
        .parse()
        .map_err(|error| format!("the key is no chain id: {error}"))?;
    if entry.supported && entry.rpc.is_empty() {
        return Err("it is supported, but `rpc` lists no endpoint".to_owned());
    }
    let mut rpcs = Vec::new();
    for (index, rpc_entry) in entry.rpc.into_iter().enumerate() {
        let older = entry
            .trace_supported_rpcs
            .iter()
            .find(|trace| trace.index == index);
        if let Some(mut rpc) = rpc(rpc_entry, secret)? {
            if let Some(trace) = older {
                rpc.traces = Some(trace_support(&trace.r#type)?);
            }
            rpcs.push(rpc);
        }
    }
    Ok(Chain {
        id,
        name: entry.sourcify_name.unwrap_or_else(|| format!("Chain {id}")),
        title: entry.title,
        // Without a usable endpoint nothing new can be verified there.
        supported: entry.supported && !rpcs.is_empty(),
        etherscan_api: entry
            .etherscan_api
            .and_then(|api| etherscan_api(api, secret)),
        rpcs,
    })
}

/// A key that is not set is no obstacle: a request may bring its own, and the server may have one.
fn etherscan_api(entry: EtherscanEntry, secret: Lookup<'_>) -> Option<EtherscanApi> {
    let api_key = entry.api_key_env_name.and_then(|name| secret(&name));
    entry.supported.then(|| EtherscanApi {
        api_key: api_key.map(Secret::new),
    })
}

/// Nothing if the endpoint needs a key that is not set.
fn rpc(entry: RpcEntry, secret: Lookup<'_>) -> Result<Option<Rpc>, String> {
    let object = match entry {
        RpcEntry::Url(url) => return endpoint(&url, &url, Vec::new(), None).map(Some),
        RpcEntry::Object(object) => object,
    };
    let values = [
        ("{API_KEY}", object.api_key_env_name),
        ("{SUBDOMAIN}", object.sub_domain_env_name),
    ];
    let values = values.map(|(mark, variable)| (mark, variable.map(|name| secret(&name))));
    let headers = headers(object.headers, secret);
    let mut url = object.url.clone();
    for (mark, value) in values {
        match value {
            None => {}
            Some(None) => return Ok(None),
            Some(Some(value)) => url = url.replace(mark, &value),
        }
    }
    let Some(headers) = headers else {
        return Ok(None);
    };
    let traces = object
        .trace_support
        .as_deref()
        .map(trace_support)
        .transpose()?;
    endpoint(&url, &object.url, headers, traces).map(Some)
}

fn headers(given: Headers, secret: Lookup<'_>) -> Option<Vec<(String, String)>> {
    match given {
        Headers::Map(map) => Some(map.into_iter().collect()),
        Headers::List(list) => {
            let headers = list.into_iter().map(|header| {
                let from_variable = header.header_env_name.and_then(|name| secret(&name));
                Some((header.header_name, header.header_value.or(from_variable)?))
            });
            let headers: Vec<_> = headers.collect();
            headers.into_iter().collect()
        }
    }
}

fn endpoint(
    url: &str,
    as_written: &str,
    headers: Vec<(String, String)>,
    traces: Option<TraceSupport>,
) -> Result<Rpc, String> {
    let usable = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let public_url = public(as_written);
    if !usable {
        return Err(format!("`{public_url}` is not an http or https URL"));
    }
    Ok(Rpc {
        url: url.to_owned(),
        headers,
        public_url,
        traces,
    })
}

/// Without what may be secret by habit: user, password and query.
fn public(url: &str) -> String {
    let without_query = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = without_query.split_once("://") else {
        return without_query.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

fn trace_support(name: &str) -> Result<TraceSupport, String> {
    TraceSupport::from_method(name).ok_or_else(|| {
        format!("`{name}` is no way to get traces: trace_transaction or debug_traceTransaction")
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::ChainRegistry;
    use super::*;

    const FILE: &str = r#"{
        "10": {"sourcifyName": "OP Mainnet", "supported": true, "rpc": [
            {"type": "APIKeyRPC", "url": "https://opt.example/v2/{API_KEY}", "apiKeyEnvName": "NODE_KEY", "traceSupport": "debug_traceTransaction"},
            {"type": "APIKeyRPC", "url": "https://opt.example/v2/{API_KEY}", "apiKeyEnvName": "NOT_SET"},
            "https://user:pass@opt2.example/path?key=1"]},
        "1": {"sourcifyName": "Ethereum Mainnet", "supported": true, "etherscanApi": {"supported": true, "apiKeyEnvName": "NODE_KEY"}, "rpc": [
            {"type": "FetchRequest", "url": "https://eth.example", "headers": [{"headerName": "x-key", "headerEnvName": "NODE_KEY"}]}],
            "traceSupportedRPCs": [{"type": "trace_transaction", "index": 0}]},
        "5": {"sourcifyName": "Goerli", "supported": false}
    }"#;

    fn secret(name: &str) -> Option<String> {
        (name == "NODE_KEY").then(|| "s3cret".to_owned())
    }

    #[test]
    fn keys_come_from_variables_and_are_never_shown() {
        let chains = ChainRegistry::parse(FILE, &secret).unwrap();
        let op = chains.find("10".parse().unwrap()).unwrap();
        assert_eq!(op.rpcs.len(), 2, "the endpoint without its key is left out");
        assert_eq!(op.rpcs[0].url, "https://opt.example/v2/s3cret");
        assert_eq!(op.rpcs[0].traces, Some(TraceSupport::DebugTraceTransaction));
        assert_eq!(op.rpcs[0].public_url, "https://opt.example/v2/{API_KEY}");
        assert_eq!(op.rpcs[1].public_url, "https://opt2.example/path");
        let ethereum = chains.find("1".parse().unwrap()).unwrap();
        assert_eq!(
            ethereum.rpcs[0].headers,
            [("x-key".to_owned(), "s3cret".to_owned())]
        );
        assert_eq!(
            ethereum.rpcs[0].traces,
            Some(TraceSupport::TraceTransaction)
        );
        let key = ethereum.etherscan_api.clone().unwrap().api_key.unwrap();
        assert_eq!(key.expose(), "s3cret");
        assert_eq!(op.etherscan_api, None);
        let shown = format!("{chains:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("pass"),
            "{shown}"
        );
    }

    #[test]
    fn every_variable_is_asked_for_whatever_is_missing() {
        let file = r#"{"10": {"supported": true,
            "etherscanApi": {"supported": false, "apiKeyEnvName": "EXPLORER"},
            "rpc": [{"type": "APIKeyRPC", "url": "https://a.example/{API_KEY}", "apiKeyEnvName": "KEY",
                "subDomainEnvName": "PLACE", "headers": [
                    {"headerName": "a", "headerEnvName": "FIRST"},
                    {"headerName": "b", "headerEnvName": "SECOND"}]}]}}"#;
        let asked = RefCell::new(Vec::new());
        let none_is_set = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            None
        };
        ChainRegistry::parse(file, &none_is_set).unwrap();
        let mut asked = asked.into_inner();
        asked.sort_unstable();
        assert_eq!(asked, ["EXPLORER", "FIRST", "KEY", "PLACE", "SECOND"]);
    }

    #[test]
    fn ethereum_comes_first() {
        let chains = ChainRegistry::parse(FILE, &secret).unwrap();
        let names: Vec<_> = chains
            .in_order()
            .iter()
            .map(|chain| chain.name.as_str())
            .collect();
        assert_eq!(names, ["Ethereum Mainnet", "Goerli", "OP Mainnet"]);
    }

    #[test]
    fn a_wrong_file_says_what_is_wrong() {
        for (text, says) in [
            ("[]", "not what it should be"),
            (r#"{"0": {"rpc": []}}"#, "the key is no chain id"),
            (
                r#"{"1": {"supported": true, "rpc": []}}"#,
                "lists no endpoint",
            ),
            (
                r#"{"1": {"supported": true, "rpc": ["ftp://x"]}}"#,
                "not an http",
            ),
            (
                r#"{"1": {"rpc": [{"url": "http://x", "traceSupport": "guess"}]}}"#,
                "no way to get traces",
            ),
            (
                r#"{"x": {"rpc": []}, "1": {"supported": true, "rpc": []}}"#,
                "chain \"1\": it is supported, but `rpc` lists no endpoint; chain \"x\": the key",
            ),
        ] {
            let error = ChainRegistry::parse(text, &secret).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
