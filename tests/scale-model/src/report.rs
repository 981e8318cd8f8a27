//! Answers as tables for people, in Markdown, so that they can stand in a document as they are.

use std::fmt::Write;

use anyhow::Result;

use crate::answers::{Model, Months};
use crate::inputs::Known;

pub(crate) fn render_model(model: &Model) -> Result<String> {
    let mut text = String::new();
    let settings = &model.inputs.settings;
    writeln!(
        text,
        "verifier: {} to {} instances of {} vCPU and {} GiB, one job each; public-api: {} to {}, {} calls at once each.",
        settings.verifier_min_instances,
        settings.verifier_max_instances,
        settings.verifier_vcpu,
        settings.verifier_memory_gib,
        settings.public_min_instances,
        settings.public_max_instances,
        settings.dispatches_at_once,
    )?;
    writeln!(
        text,
        "A job keeps a verifier busy for {:.2} s on the mean. Waits are seconds from acceptance to the lease; runs begin without an instance.\n",
        model.mean_busy_s
    )?;
    render_jobs(&mut text, model)?;
    render_runs(&mut text, model)?;
    render_database(&mut text, model)?;
    render_candidates(&mut text, model)?;
    render_start_ups(&mut text, model)?;
    Ok(text)
}

fn render_jobs(text: &mut String, model: &Model) -> Result<()> {
    writeln!(
        text,
        "| jobs | share | compiler p50 | p95 |\n|---|---|---|---|"
    )?;
    for kind in &model.inputs.jobs {
        let (share, compile) = (kind.share * 100.0, kind.compile);
        writeln!(
            text,
            "| {} | {share:.0} % | {} s | {} s |",
            kind.name, compile.p50_s, compile.p95_s
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn render_runs(text: &mut String, model: &Model) -> Result<()> {
    writeln!(
        text,
        "| load | jobs | p50 | p95 | p99 | max | Erlang mean | mean | refused | verifiers most, mean | public-api | calls refused | {} |",
        model.inputs.prices.currency
    )?;
    writeln!(
        text,
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for run in &model.runs {
        let theory = run
            .mean_wait_by_erlang_s
            .map_or("-".to_owned(), |wait| format!("{wait:.2}"));
        let per = if run.what.starts_with("burst") {
            ""
        } else {
            " a month"
        };
        writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {theory} | {:.2} | {:.0} % | {}, {:.1} | {} | {} | {:.2}{per} |",
            run.what,
            run.jobs,
            run.wait.p50_s,
            run.wait.p95_s,
            run.wait.p99_s,
            run.wait.max_s,
            run.wait.mean_s,
            run.refused_part * 100.0,
            run.most_verifiers,
            run.mean_verifiers,
            run.most_public,
            run.calls_refused,
            run.cost,
        )?;
    }
    writeln!(
        text,
        "\nThe cost is the verifiers', without what is free. Refused: `MAX_OPEN_JOBS` ({}) are open.\n",
        model.inputs.settings.max_open_jobs
    )?;
    Ok(())
}

fn render_database(text: &mut String, model: &Model) -> Result<()> {
    let limits = &model.database;
    writeln!(text, "The first limit, and what each alone would bear:\n")?;
    writeln!(text, "| limit | jobs a second |\n|---|---|")?;
    writeln!(
        text,
        "| {} verifiers | {:.1} |",
        model.inputs.settings.verifier_max_instances, limits.verifiers_per_s
    )?;
    writeln!(
        text,
        "| {} connections in half of the database's memory ({} are used), so {} verifiers | {:.1} |",
        limits.connections_allowed,
        limits.connections_used,
        limits.verifiers_that_connections_allow,
        limits.connections_per_s
    )?;
    writeln!(
        text,
        "| {} processors of the database, {:.0} statements a second with lookups | {:.0} |\n",
        model.inputs.settings.database_vcpu, limits.statements_per_s, limits.processors_per_s
    )?;
    writeln!(
        text,
        "Without verifications the database bears {:.0} of the simplest lookups a second.\n",
        limits.lookups_alone_per_s
    )?;
    writeln!(
        text,
        "| jobs a second | verifiers at 60 % | connections | statements a second | database vCPU | its log, MiB/s | grows first |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|")?;
    for need in &model.rates {
        writeln!(
            text,
            "| {} | {} | {} | {:.0} | {:.2} | {:.2} | {} |",
            need.rate_per_s,
            need.verifiers,
            need.connections,
            need.statements_per_s,
            need.vcpu,
            need.wal_mib_per_s,
            format!("{:?}", need.limit).to_lowercase(),
        )?;
    }
    Ok(())
}

fn render_candidates(text: &mut String, model: &Model) -> Result<()> {
    writeln!(
        text,
        "\n| max | min | vCPU | burst p50 | p95 | max | done after | burst costs | 1 a second p95 | verifiers, 100,000 a month | 10 million | connections |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|---|---|---|")?;
    for candidate in &model.candidates {
        writeln!(
            text,
            "| {} | {} | {} | {:.1} | {:.1} | {:.1} | {:.0} | {:.3} | {:.1} | {:.2} | {:.0} | {}{} |",
            candidate.verifier_max_instances,
            candidate.verifier_min_instances,
            candidate.verifier_vcpu,
            candidate.burst_wait.p50_s,
            candidate.burst_wait.p95_s,
            candidate.burst_wait.max_s,
            candidate.burst_ended_s,
            candidate.burst_cost,
            candidate.steady_wait.p95_s,
            candidate.month_of_100_000,
            candidate.month_of_10_000_000,
            candidate.connections,
            if candidate.connections_fit {
                ""
            } else {
                ", too many"
            },
        )?;
    }
    Ok(())
}

fn render_start_ups(text: &mut String, model: &Model) -> Result<()> {
    writeln!(
        text,
        "\n| an instance starts in (p50) | burst p50 | p95 | a job alone p50 | p95 |\n|---|---|---|---|---|"
    )?;
    for start_up in &model.start_ups {
        writeln!(
            text,
            "| {} s | {:.1} | {:.1} | {:.1} | {:.1} |",
            start_up.p50_s,
            start_up.burst_wait.p50_s,
            start_up.burst_wait.p95_s,
            start_up.single_wait.p50_s,
            start_up.single_wait.p95_s,
        )?;
    }
    Ok(())
}

pub(crate) fn render_months(all: &Months) -> Result<String> {
    let (months, prices) = (&all.months, &all.inputs.prices);
    let mut text = String::new();
    writeln!(
        text,
        "A month, in {}, {}; prices of {}.\n",
        prices.currency, prices.region, prices.as_of
    )?;
    write!(text, "| verifications |")?;
    for month in months {
        write!(text, " {} |", month.jobs)?;
    }
    writeln!(text, " price |\n|---|{}---|", "---|".repeat(months.len()))?;
    let lines = months.first().map_or(0, |month| month.lines.len());
    for at in 0..lines {
        let of_each = || months.iter().filter_map(|month| month.lines.get(at));
        let Some(line) = of_each().next() else {
            continue;
        };
        write!(text, "| {} |", line.what)?;
        for line in of_each() {
            write!(text, " {:.2} |", line.cost)?;
        }
        let mark = match line.known {
            Known::PriceList => "",
            Known::ThirdParty => " (told by others)",
            Known::NotFound => " (not found: check)",
        };
        writeln!(text, " {}{mark} |", line.unit)?;
    }
    write!(text, "| **all** |")?;
    for month in months {
        write!(text, " **{:.2}** |", month.total)?;
    }
    writeln!(text, " |")?;
    write!(text, "| for a verification |")?;
    for month in months {
        write!(text, " {:.5} |", month.total / month.jobs)?;
    }
    writeln!(text, " |")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{model, months};
    use crate::inputs::tests::ours;

    /// Markdown drops what has no column, and nobody sees it.
    fn assert_tables_are_whole(text: &str) {
        let mut columns = None;
        let mut tables = 0;
        for line in text.lines() {
            let cells = line.matches('|').count();
            match columns {
                _ if cells == 0 => columns = None,
                Some(wanted) => assert_eq!(cells, wanted, "{line}"),
                None => {
                    columns = Some(cells);
                    tables += 1;
                }
            }
        }
        assert!(tables > 0);
    }

    #[test]
    fn answers_are_whole_tables_and_one_document() {
        let inputs = ours();
        let model = model(&inputs, 1).unwrap();
        assert_tables_are_whole(&render_model(&model).unwrap());
        let document = serde_json::to_value(&model).unwrap();
        assert_eq!(document["runs"].as_array().unwrap().len(), 6);
        assert_eq!(document["runs"][0]["finished"], 1000);
        assert_eq!(document["candidates"].as_array().unwrap().len(), 20);
        assert!(document["inputs"]["prices"]["of"]["logging_gib"]["source"].is_string());

        let months = months(&inputs, Some(5000.0), 1).unwrap();
        assert_tables_are_whole(&render_months(&months).unwrap());
        let document = serde_json::to_value(&months).unwrap();
        assert_eq!(document["months"][0]["jobs"], 5000.0);
    }
}
