//! `GET /verify-ui`: how to verify. Programs do it, so there is nothing to fill in.

use actix_web::{HttpResponse, route};

use super::html::Html;
use super::page::Page;

const TEXT: &str = "<p>Contracts are verified here by the tools that compile them. In place of \
<code>SERVER</code>, write where this page is, without its path.</p>\n\
<h2>forge</h2>\n\
<pre>\nforge verify-contract ADDRESS src/Counter.sol:Counter --chain CHAIN_ID \\\n  \
--verifier sourcify --verifier-url SERVER/ --watch</pre>\n\
<h2>Hardhat 3</h2>\n\
<pre>\n// hardhat.config.ts\nverify: { sourcify: { enabled: true, apiUrl: \"SERVER\" } }\n\n\
hardhat verify sourcify --network NETWORK ADDRESS ARGUMENTS...</pre>\n\
<h2>Any program</h2>\n\
<pre>\nPOST SERVER/v2/verify/CHAIN_ID/ADDRESS\n\
{\"stdJsonInput\": ..., \"compilerVersion\": \"0.8.30+commit.73712a01\", \
\"contractIdentifier\": \"src/Counter.sol:Counter\"}\n\n\
GET SERVER/v2/verify/VERIFICATION_ID\nGET SERVER/v2/contract/CHAIN_ID/ADDRESS?fields=all</pre>\n";

#[route("/verify-ui", method = "GET", method = "HEAD")]
pub(crate) async fn show_guide() -> HttpResponse {
    let page = Page {
        title: "Verify a contract".to_owned(),
        reloads: false,
        body: Html::default().tags(TEXT),
    };
    page.answer(HttpResponse::Ok())
}
