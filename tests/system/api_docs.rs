//! Who reads the API's document needs nothing but this service.

use serde_json::Value;

use crate::support::TestSystem;

#[tokio::test]
async fn the_page_shows_the_document_without_any_other_host() {
    // A quiet log is no reason not to start.
    let system = TestSystem::with(|mut config| {
        config.log = "error".to_owned();
        config
    })
    .await;
    let base = system.stack.base_url();
    let get = async |path: &str| reqwest::get(format!("{base}{path}")).await.unwrap();
    let document: Value = get("/openapi.json").await.json().await.unwrap();
    assert!(document["paths"]["/v2/contract/{chainId}/{address}"].is_object());

    let page = get("/api-docs").await;
    assert_eq!(
        page.url().path(),
        "/api-docs/",
        "relative links need the slash"
    );
    let page = page.text().await.unwrap();
    let initializer = get("/api-docs/swagger-initializer.js")
        .await
        .text()
        .await
        .unwrap();
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    assert!(
        initializer.contains(r#""validatorUrl": "none""#),
        "{initializer}"
    );
    let mut files = 0;
    for text in [&page, &initializer] {
        assert!(
            !text.contains("//unpkg") && !text.contains("https://"),
            "{text}"
        );
        assert!(!text.contains("http://"), "{text}");
    }
    for link in page
        .split(['"', '\''])
        .filter(|part| part.starts_with("./"))
    {
        let file = get(&format!("/api-docs/{}", &link[2..])).await;
        assert_eq!(file.status(), 200, "{link}");
        files += 1;
    }
    assert!(files >= 4, "{page}");
    system.stop().await;
}
