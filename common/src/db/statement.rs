//! A statement is a file of `sql/queries`; its first line names it: `-- name: jobs/accept: …`.

/// The text of a query file, without the newline at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    pub(super) sql: &'static str,
}

impl Statement {
    pub(super) const fn new(sql: &'static str) -> Self {
        Self { sql }
    }

    /// What faults and logs call it.
    pub(super) fn name(self) -> &'static str {
        let first_line = self.sql.lines().next().unwrap_or_default();
        let said = first_line.strip_prefix("-- name: ").unwrap_or(first_line);
        said.split_once(": ").map_or(said, |(name, _gives)| name)
    }
}

/// The statement in `sql/queries/<path>.sql`.
macro_rules! statement {
    ($path:literal) => {
        $crate::db::statement::Statement::new(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../sql/queries/",
            $path,
            ".sql"
        )))
    };
}

pub(super) use statement;
