//! A database as a service that has run for a while leaves it.

use anyhow::{Context, Result};
use tokio_postgres::NoTls;

const FILL: &str = include_str!("population.sql");

/// Fills a migrated database with so many contracts, and all that belongs to them.
///
/// # Errors
/// When the database is away, or its schema is another one.
pub async fn fill(url: &str, contracts: u32) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let filling = format!("SET population.contracts = {contracts};\n{FILL}");
    let filled = client.batch_execute(&filling).await;
    connection.abort();
    filled.with_context(|| format!("filling a database with {contracts} contracts"))
}
