//! What the runbook has people type at night works on the schema as it is.

use std::fs;
use std::path::Path;

use super::story::World;

#[tokio::test]
async fn each_statement_of_the_runbook_runs() {
    let world = World::new().await;
    let runbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbook.md");
    let blocks = blocks_of_sql(&fs::read_to_string(runbook).unwrap());
    assert!(blocks.len() > 8, "only {} blocks of SQL", blocks.len());
    let mut wrong = Vec::new();
    for block in blocks {
        if let Err(refusal) = world.sql.batch_execute(&block).await {
            wrong.push(format!("{refusal:?}:\n{block}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Also those inside lists, which are indented.
fn blocks_of_sql(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().map(str::trim_start);
    while lines.any(|line| line == "```sql") {
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n"));
    }
    blocks
}

#[test]
fn blocks_are_found_inside_and_outside_of_lists() {
    let markdown =
        "```sql\nSELECT 1\n```\n\n1. x\n   ```sql\n   SELECT\n       2;\n   ```\n```sh\nls\n```";
    assert_eq!(blocks_of_sql(markdown), ["SELECT 1", "SELECT\n2;"]);
}
