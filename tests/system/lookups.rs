//! Verified contracts are read: alone, in lists, as proxies, and only when they changed.

use alloy_dyn_abi::DynSolValue;
use local_stack::Chains;
use local_stack::anvil::Anvil;
use local_stack::client::Client;
use serde_json::{Value, json};

use crate::support::{CHAIN_ID, TestSystem};

/// Sends a GET with headers.
async fn get(system: &TestSystem, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let url = format!("{}{path}", system.stack.base_url());
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn document(system: &TestSystem, path: &str) -> (u16, Value) {
    let response = get(system, path, &[]).await;
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// Deploys and verifies; gives the address.
async fn verified(
    system: &TestSystem,
    file: &str,
    contract: &str,
    arguments: Vec<DynSolValue>,
) -> String {
    let (project, deployed) = system.deploy(file, contract, arguments).await;
    let body = project.submission(Some(&deployed.transaction)).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    job["contract"]["address"].as_str().unwrap().to_owned()
}

fn text(document: &Value, name: &str) -> String {
    document[name].as_str().unwrap().to_owned()
}

/// The first contract also on a chain that takes no new verifications, as an import would leave it.
async fn show_first_on_chain_5(system: &TestSystem) {
    let insert = "WITH deployment AS (
            INSERT INTO contract_deployments (chain_id, address, contract_id)
            SELECT 5, address, contract_id FROM contract_deployments ORDER BY created_at LIMIT 1
            RETURNING id, address
        ), verified AS (
            INSERT INTO verified_contracts
                (deployment_id, compilation_id, creation_match, runtime_match, runtime_values,
                 runtime_transformations, runtime_metadata_match)
            SELECT deployment.id, compiled.id, false, true, '{}', '[]', false
            FROM deployment, compiled_contracts AS compiled
            RETURNING id
        )
        INSERT INTO sourcify_matches (verified_contract_id, chain_id, address, runtime_match)
        SELECT verified.id, 5, deployment.address, 'partial' FROM verified, deployment";
    system.change(insert).await;
}

#[tokio::test]
async fn contracts_are_listed_by_chain_and_by_address() {
    let system = TestSystem::start().await;
    let nobody = "0x00000000000000000000000000000000000000AA";
    let empty = json!({"results": []});
    let path = format!("/v2/contract/all-chains/{nobody}");
    assert_eq!(document(&system, &path).await, (404, empty.clone()));
    assert_eq!(document(&system, "/v2/contracts/31337").await, (200, empty));

    let mut addresses = Vec::new();
    for _ in 0..3 {
        addresses.push(verified(&system, "Small.sol", "Small", Vec::new()).await);
    }
    show_first_on_chain_5(&system).await;

    let (status, everywhere) = document(
        &system,
        &format!("/v2/contract/all-chains/{}", addresses[0]),
    )
    .await;
    assert_eq!(status, 200);
    let chains: Vec<_> = everywhere["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            (
                text(found, "chainId"),
                text(found, "address"),
                found["match"].clone(),
            )
        })
        .collect();
    let first = || addresses[0].clone();
    assert_eq!(
        chains,
        [
            ("5".to_owned(), first(), json!("match")),
            ("31337".to_owned(), first(), json!("exact_match"))
        ]
    );

    let listed = async |query: &str| -> Vec<String> {
        let (status, list) = document(&system, &format!("/v2/contracts/31337{query}")).await;
        assert_eq!(status, 200, "{list}");
        let list = list["results"].as_array().unwrap();
        list.iter().map(|found| text(found, "address")).collect()
    };
    let newest_first: Vec<_> = addresses.iter().rev().cloned().collect();
    assert_eq!(listed("").await, newest_first);
    assert_eq!(listed("?sort=asc").await, addresses);
    assert_eq!(listed("?limit=2").await, newest_first[..2]);
    let (_, page) = document(&system, "/v2/contracts/31337?limit=2").await;
    let last = text(&page["results"][1], "matchId");
    assert_eq!(
        listed(&format!("?afterMatchId={last}")).await,
        newest_first[2..]
    );
    let onwards = format!("?sort=asc&limit=1&afterMatchId={last}");
    assert_eq!(listed(&onwards).await, addresses[2..]);
    system.stop().await;
}

#[tokio::test]
async fn a_document_is_sent_again_only_when_it_changed() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let other_comment = {
        let mut body = project.submission(None).unwrap();
        let source = &mut body["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"];
        *source = format!("{}// Another.\n", source.as_str().unwrap()).into();
        body
    };
    let job = system.verify(&deployed.address, &other_comment).await;
    assert_eq!(job["contract"]["match"], "match", "{job}");
    let paths = ["", "?fields=all", "?fields=abi,proxyResolution"]
        .map(|query| format!("/v2/contract/31337/{}{query}", deployed.address))
        .into_iter()
        .chain(["/v2/contracts/31337".to_owned()]);
    let mut tags = Vec::new();
    for path in paths {
        let first = get(&system, &path, &[]).await;
        assert_eq!(first.headers()["cache-control"], "public, no-cache");
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = get(&system, &path, &[("if-none-match", &tag)]).await;
        assert_eq!(again.status(), 304, "{path}");
        assert_eq!(again.headers()["etag"], tag.as_str());
        assert_eq!(again.bytes().await.unwrap().len(), 0);
        tags.push((path, tag));
    }
    let better = project.submission(Some(&deployed.transaction)).unwrap();
    let job = system.verify(&deployed.address, &better).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    for (path, tag) in tags {
        let changed = get(&system, &path, &[("if-none-match", &tag)]).await;
        assert_eq!(changed.status(), 200, "{path}");
        assert_ne!(changed.headers()["etag"], tag.as_str());
    }
    system.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let system = TestSystem::start().await;
    let address = verified(&system, "Small.sol", "Small", Vec::new()).await;
    let path = format!("/v2/contract/31337/{address}?fields=all");
    let plain = get(&system, &path, &[]).await;
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    let packed = get(&system, &path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(packed.bytes().await.unwrap().len() < plain.len() / 2);
    system.stop().await;
}

/// What a compiler that is given `stdJsonInput` needs is there, and what it said is in `stdJsonOutput`.
#[tokio::test]
async fn input_and_output_of_the_compiler_are_shown_as_it_knows_them() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let body = project.submission(Some(&deployed.transaction)).unwrap();
    system.verify(&deployed.address, &body).await;
    let path = format!("/v2/contract/31337/{}?fields=all", deployed.address);
    let (_, contract) = document(&system, &path).await;
    let mut given = body["stdJsonInput"].clone();
    given["settings"]
        .as_object_mut()
        .unwrap()
        .remove("outputSelection");
    assert_eq!(contract["stdJsonInput"], given);
    assert_eq!(contract["sources"], given["sources"]);
    let printed = &contract["stdJsonOutput"]["contracts"]["contracts/Small.sol"]["Small"];
    for name in ["abi", "userdoc", "devdoc", "storageLayout"] {
        assert_eq!(printed[name], contract[name], "{name}");
    }
    let metadata: Value = serde_json::from_str(printed["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(metadata, contract["metadata"]);
    let code = |side: &str| {
        let code = contract[side]["recompiledBytecode"].as_str().unwrap();
        code.strip_prefix("0x").unwrap().to_owned()
    };
    assert_eq!(
        printed["evm"]["bytecode"]["object"],
        code("creationBytecode")
    );
    assert_eq!(
        printed["evm"]["deployedBytecode"]["object"],
        code("runtimeBytecode")
    );
    let signatures = &contract["signatures"];
    let count = "count()";
    let listed = signatures["function"].as_array().unwrap();
    let counted = listed
        .iter()
        .find(|signature| signature["signature"] == count)
        .unwrap();
    assert_eq!(counted["signatureHash4"], "0x06661abd");
    assert_eq!(
        (&signatures["event"], &signatures["error"]),
        (&json!([]), &json!([]))
    );
    system.stop().await;
}

#[tokio::test]
async fn a_proxy_tells_what_it_forwards_to_when_it_is_asked() {
    let mut system = TestSystem::start().await;
    let target = verified(&system, "Proxies.sol", "Target", Vec::new()).await;
    let to = |address: &str| vec![DynSolValue::Address(address.parse().unwrap())];
    let beacon = system
        .deploy("Proxies.sol", "Beacon", to(&target))
        .await
        .1
        .address;
    let named = json!([{"address": target, "name": "Target"}]);
    let mut stored = Vec::new();
    for (contract, argument, kind) in [
        ("Upgradeable", &target, "EIP1967Proxy"),
        ("Lit", &beacon, "EIP1967Proxy"),
        ("Safe", &target, "GnosisSafeProxy"),
        ("Proxiable", &target, "PROXIABLEProxy"),
        ("Diamond", &target, "DiamondProxy"),
    ] {
        let address = verified(&system, "Proxies.sol", contract, to(argument)).await;
        let path = format!("/v2/contract/31337/{address}");
        let (_, all) = document(&system, &format!("{path}?fields=all")).await;
        assert!(
            all.get("proxyResolution").is_none(),
            "nobody asked yet: {all}"
        );
        let (_, asked) = document(&system, &format!("{path}?fields=proxyResolution")).await;
        let resolution = asked["proxyResolution"].clone();
        let mut implementations = named.clone();
        if contract == "Diamond" {
            let itself = json!({"address": address, "name": "Diamond"});
            implementations.as_array_mut().unwrap().push(itself);
        }
        let wanted =
            json!({"isProxy": true, "proxyType": kind, "implementations": implementations});
        assert_eq!(resolution, wanted, "{contract}");
        stored.push((path, wanted));
    }
    let no_proxy = format!("/v2/contract/31337/{target}?fields=proxyResolution");
    let none = json!({"isProxy": false, "proxyType": null, "implementations": []});
    assert_eq!(
        document(&system, &no_proxy).await.1["proxyResolution"],
        none
    );

    // This one's code says it, and nobody has to ask.
    let pinned = verified(&system, "Proxies.sol", "Pinned", to(&target)).await;
    let (_, all) = document(&system, &format!("/v2/contract/31337/{pinned}?fields=all")).await;
    let wanted = json!({"isProxy": true, "proxyType": "FixedProxy", "implementations": named});
    assert_eq!(all["proxyResolution"], wanted);

    // The chain is gone: what was asked once is still shown, and what is asked now says so.
    system.anvil = Anvil::start(1, &[]).await.unwrap();
    for (path, wanted) in stored {
        let (_, all) = document(&system, &format!("{path}?omit=sources")).await;
        assert_eq!(all["proxyResolution"], wanted);
        let (status, asked) = document(&system, &format!("{path}?fields=proxyResolution")).await;
        assert_eq!(status, 200);
        let error = &asked["proxyResolution"]["proxyResolutionError"];
        assert_eq!(error["customCode"], "proxy_resolution_error", "{asked}");
        assert!(uuid::Uuid::try_parse(error["errorId"].as_str().unwrap()).is_ok());
    }
    system.stop().await;
}

/// In floating point both would be the same.
#[tokio::test]
async fn a_chain_is_known_by_its_whole_number() {
    let system = TestSystem::with(|mut config| {
        if let Chains::Document(chains) = &mut config.chains {
            chains["9007199254740992"] = json!({"sourcifyName": "Large", "supported": false});
        }
        config
    })
    .await;
    let address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    let ask = async |chain: &str| {
        let path = format!("/v2/contract/{chain}/{address}");
        let (status, document) = document(&system, &path).await;
        (
            status,
            document["chainId"].clone(),
            document["message"].clone(),
        )
    };
    let known = "9007199254740992";
    assert_eq!(ask(known).await, (404, json!(known), Value::Null));
    let other = "9007199254740993";
    let message = json!(format!("Chain {other} not found"));
    assert_eq!(ask(other).await, (400, Value::Null, message));
    let ready = get(&system, "/ready", &[]).await;
    assert_eq!(
        (ready.status().as_u16(), ready.text().await.unwrap()),
        (200, "ready".to_owned())
    );
    system.stop().await;
}

/// Whatever a client forbids, it gets an answer that it can read.
#[tokio::test]
async fn no_encoding_that_is_asked_for_or_refused_is_an_error() {
    let system = TestSystem::start().await;
    for (asked, sent) in [
        ("identity;q=0", None),
        ("br, *;q=0", None),
        ("br, gzip", Some("gzip")),
        ("\u{fc}", None),
    ] {
        let answer = get(&system, "/openapi.json", &[("accept-encoding", asked)]).await;
        assert_eq!(answer.status(), 200, "{asked}");
        let encoding = answer.headers().get("content-encoding");
        assert_eq!(
            encoding.map(|value| value.to_str().unwrap()),
            sent,
            "{asked}"
        );
    }
    system.stop().await;
}

/// The proxy is shown whole; its code is in other fields.
#[tokio::test]
async fn a_resolution_has_no_parts_to_select() {
    let system = TestSystem::start().await;
    let address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    for field in [
        "onchainRuntimeBytecode",
        "onchainCreationBytecode",
        "isProxy",
    ] {
        for query in ["fields", "omit"] {
            let field = format!("proxyResolution.{field}");
            let path = format!("/v2/contract/{CHAIN_ID}/{address}?{query}={field}");
            let (status, problem) = document(&system, &path).await;
            let message = format!("Field selector {field} is not a valid field");
            assert_eq!((status, &problem["message"]), (400, &json!(message)));
            assert_eq!(problem["customCode"], "invalid_parameter");
        }
    }
    system.stop().await;
}

/// Clients look here before they submit; the address may be written in any way.
#[tokio::test]
async fn a_contract_that_is_not_verified_has_the_basic_fields() {
    let system = TestSystem::start().await;
    let checksummed = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    for address in [checksummed.to_owned(), checksummed.to_lowercase()] {
        let path = format!("/v2/contract/{CHAIN_ID}/{address}?fields=all");
        let wanted = json!({
            "match": null, "creationMatch": null, "runtimeMatch": null,
            "chainId": "31337", "address": checksummed,
        });
        assert_eq!(document(&system, &path).await, (404, wanted));
    }
    let client = Client::new(&system.stack.base_url()).unwrap();
    assert!(client.contract(CHAIN_ID, checksummed, "").await.is_err());
    system.stop().await;
}
