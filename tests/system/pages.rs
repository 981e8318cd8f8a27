//! The pages whose links clients print, as a browser gets them.

use std::collections::BTreeMap;

use local_stack::Chains;
use local_stack::deploy::{self, Deployed};
use local_stack::project::{COMPILER, Project};
use serde_json::{Map, json};
use verification::compiler::Language;
use verification::std_json::StdJsonInput;

use crate::support::{CHAIN_ID, TestSystem, compilers};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

/// Whatever a page says, it is HTML that can run nothing.
async fn page(system: &TestSystem, path: &str) -> Answer {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("{}{path}", system.stack.base_url());
    let answer = http.get(&url).send().await.unwrap();
    let status = answer.status().as_u16();
    let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
    let location = header("location");
    if status != 302 {
        let headers = [
            "content-type",
            "content-security-policy",
            "x-content-type-options",
        ];
        let found = headers.map(|name| header(name).unwrap_or_default());
        assert_eq!(
            found,
            ["text/html; charset=utf-8", POLICY, "nosniff"],
            "{path}"
        );
    }
    let body = answer.text().await.unwrap();
    assert!(!body.contains("<script"), "{path}: {body}");
    Answer {
        status,
        location,
        body,
    }
}

fn assert_shows(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
    }
}

/// A contract whose author tries to get a script into our pages, by path and by content.
async fn hostile(system: &TestSystem) -> (Project, Deployed) {
    let path = "a</summary><script>alert('path')</script>.sol";
    let content = "// </pre><script>alert(\"source\")</script> &lt;\ncontract A {}\n";
    let sources = BTreeMap::from([(path.to_owned(), content.to_owned())]);
    let project = Project {
        target: format!("{path}:A").parse().unwrap(),
        version: COMPILER.parse().unwrap(),
        input: StdJsonInput::new(Language::Solidity, sources, Map::new()),
    };
    let compiled = deploy::compile(&compilers(), &project).await.unwrap();
    let deployed = deploy::deploy(&system.anvil, &compiled, Vec::new()).await;
    (project, deployed.unwrap())
}

#[tokio::test]
async fn a_verified_contract_is_shown_and_what_its_author_wrote_stays_text() {
    let system = TestSystem::with(|mut config| {
        if let Chains::Document(chains) = &mut config.chains {
            chains["7"] = chains[CHAIN_ID.to_string()].clone();
            chains["7"]["sourcifyName"] = json!("<script>7</script>");
        }
        config
    })
    .await;
    let (project, deployed) = hostile(&system).await;
    let address = deployed.address.parse::<verification::chain::Address>();
    let address = address.unwrap().to_string();
    let choice = format!("/address/{}", deployed.address);
    let none = page(&system, &choice).await;
    assert_eq!(none.status, 404);
    assert_shows(&none, &["is not verified on any chain"]);

    let body = project.submission(Some(&deployed.transaction)).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    let id = job["verificationId"].as_str().unwrap();
    let shown = page(&system, &format!("/verify-ui/jobs/{id}")).await;
    assert_eq!(shown.status, 200);
    let link = format!("href=\"../../repo-ui/{CHAIN_ID}/{address}\"");
    assert_shows(&shown, &["<h1>Verified</h1>", "exact match", &link]);
    assert!(!shown.body.contains("http-equiv"), "{}", shown.body);

    let only = page(&system, &choice).await;
    let place = format!("../repo-ui/{CHAIN_ID}/{address}");
    assert_eq!((only.status, only.location), (302, Some(place)));
    let contract = page(&system, &format!("/repo-ui/{CHAIN_ID}/{address}")).await;
    assert_eq!(contract.status, 200);
    assert_shows(
        &contract,
        &[
            "<h1>A</h1>",
            "exact match",
            "solc 0.8.28+commit.7893614a",
            &deployed.transaction,
            "<summary>a&lt;/summary&gt;&lt;script&gt;alert(&#39;path&#39;)&lt;/script&gt;.sol</summary>",
            "<pre>\n// &lt;/pre&gt;&lt;script&gt;alert(&quot;source&quot;)&lt;/script&gt; &amp;lt;\n",
        ],
    );

    let accepted = system.client.submit(7, &deployed.address, &body).await;
    system.end_of(&accepted.unwrap()).await;
    let several = page(&system, &choice).await;
    assert_eq!(several.status, 200);
    let link = format!("href=\"../repo-ui/{CHAIN_ID}/{address}\"");
    let other = format!(
        "<a href=\"../repo-ui/7/{address}\">&lt;script&gt;7&lt;/script&gt; (7)</a>: exact match"
    );
    assert_shows(&several, &["Test chain (31337)", &link, &other]);
    system.stop().await;
}

#[tokio::test]
async fn the_page_of_an_open_job_comes_back_until_it_has_ended() {
    let system = TestSystem::start().await;
    let (_, deployed) = system.small().await;
    let other = Project::read("Factory.sol", "Factory").unwrap();
    let body = other.submission(None).unwrap();
    system.stack.verifier(0).unwrap().freeze().unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let path = format!("/verify-ui/jobs/{}", accepted.id);
    let open = page(&system, &path).await;
    let reload = "<meta http-equiv=\"refresh\"";
    assert_eq!(open.status, 200);
    assert_shows(&open, &[reload, "<h1>Waiting for a verifier</h1>"]);
    system.stack.verifier(0).unwrap().thaw().unwrap();
    let job = system.end_of(&accepted).await;
    let ended = page(&system, &path).await;
    assert!(!ended.body.contains(reload), "{}", ended.body);
    let error = &job["error"];
    let [code, id] = ["customCode", "errorId"].map(|name| error[name].as_str().unwrap());
    assert_shows(&ended, &["<h1>Not verified</h1>", code, id]);
    system.stop().await;
}

#[tokio::test]
async fn what_there_is_not_is_a_page_where_pages_are() {
    let system = TestSystem::start().await;
    const ADDRESS: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    let wrong = ADDRESS.replace("afe", "aFe");
    let job = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    for (path, status, text) in [
        ("/verify-ui".to_owned(), 200, "forge verify-contract"),
        (
            format!("/verify-ui/jobs/{job}"),
            404,
            "No verification job found",
        ),
        (
            "/verify-ui/jobs/5".to_owned(),
            400,
            "must NOT have fewer than 36",
        ),
        ("/verify-ui/<script>".to_owned(), 404, "Cannot GET"),
        (format!("/repo-ui/31337/{ADDRESS}"), 404, "is not verified"),
        (format!("/repo-ui/99/{ADDRESS}"), 400, "Chain 99 not found"),
        (format!("/repo-ui/31337/{wrong}"), 400, "Invalid address"),
        ("/repo-ui/31337".to_owned(), 404, "Cannot GET"),
        (format!("/address/{wrong}"), 400, "Invalid address"),
        ("/address/0x".to_owned(), 400, "must NOT have fewer than 42"),
        ("/address/".to_owned(), 404, "Cannot GET"),
    ] {
        let answer = page(&system, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_shows(&answer, &[text]);
    }
    // Everything else answers as an API does.
    for path in ["/nosuch", "/repo-uix/1/2", "/verify-uix"] {
        let url = format!("{}{path}", system.stack.base_url());
        let answer = reqwest::get(&url).await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/json; charset=utf-8", "{path}");
        assert_eq!(answer.status(), 404, "{path}");
    }
    system.stop().await;
}
