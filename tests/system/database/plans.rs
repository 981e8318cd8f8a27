//! No statement of a route reads a whole table, however full the database is.
//!
//! What is looked at is the generic plan, which a connection settles on after a few calls.

use local_stack::population;
use serde_json::Value;

use super::statements::statements;
use super::story::World;

const CONTRACTS: u32 = 100_000;

/// What nobody waits for: it runs once an hour, or once for each release.
const IN_THE_BACKGROUND: [&str; 3] = [
    "outputs/purge",
    "schema/is_administrator",
    "schema/list_applied",
];

#[tokio::test]
async fn no_route_reads_a_whole_table() {
    let world = World::new().await;
    population::fill(world.place.url(), CONTRACTS)
        .await
        .unwrap();
    world
        .sql
        .batch_execute("SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for (name, sql) in statements() {
        if IN_THE_BACKGROUND.contains(&name.as_str()) {
            continue;
        }
        let Some(plan) = plan(&world, &sql).await else {
            continue;
        };
        looked_at += 1;
        let whole = whole_tables(&plan);
        if !whole.is_empty() {
            wrong.push(format!("{name}: {whole:?}"));
        }
    }
    assert!(looked_at > 40, "only {looked_at} statements have a plan");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The generic plan, as Postgres explains it; commands without parameters and results have none.
async fn plan(world: &World, sql: &str) -> Option<Value> {
    let prepared = world.sql.prepare(sql).await.unwrap();
    let arguments = vec!["NULL"; prepared.params().len()].join(", ");
    let arguments = if arguments.is_empty() {
        arguments
    } else {
        format!("({arguments})")
    };
    let types: Vec<_> = prepared.params().iter().map(|kind| kind.name()).collect();
    let types = if types.is_empty() {
        String::new()
    } else {
        format!("({})", types.join(", "))
    };
    let explain = format!("PREPARE looked_at{types} AS {sql}");
    if world.sql.batch_execute(&explain).await.is_err() {
        // LISTEN and its like can't be prepared by SQL.
        return None;
    }
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{arguments}");
    let row = world.sql.query_one(&explain, &[]).await.unwrap();
    world
        .sql
        .batch_execute("DEALLOCATE looked_at")
        .await
        .unwrap();
    Some(row.get(0))
}

/// The tables that some part of a plan reads from end to end.
fn whole_tables(plan: &Value) -> Vec<String> {
    match plan {
        Value::Array(parts) => parts.iter().flat_map(whole_tables).collect(),
        Value::Object(members) => {
            let mut found: Vec<String> = members.values().flat_map(whole_tables).collect();
            if members.get("Node Type").and_then(Value::as_str) == Some("Seq Scan") {
                found.push(members["Relation Name"].as_str().unwrap().to_owned());
            }
            found
        }
        _ => Vec::new(),
    }
}
