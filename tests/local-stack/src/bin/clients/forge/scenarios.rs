//! What is tried with forge. Later scenarios look at contracts that earlier ones verified.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::U256;
use anyhow::{Context, Result};
use local_stack::deploy::{self, Deployed};
use local_stack::run::Ran;

use super::Forge;
use crate::packages::COMPILER;
use crate::report::Report;
use crate::stage::Wanted;

const LIBRARY: &str = "contracts/MathLib.sol:MathLib";
const COUNTER: &str = "contracts/Counter.sol:Counter";
const FACTORY: &str = "contracts/Factory.sol:Factory";

/// Waits for the end of the job, and names the release as a user would who knows it.
const WATCHED: [&str; 3] = ["--watch", "--compiler-version", COMPILER];

/// Ours, on the chain.
struct Contracts {
    library: Deployed,
    counter: Deployed,
    factory: Deployed,
    child: String,
    /// A library that nobody verifies as what it is.
    stranger: Deployed,
    /// How forge is told where the library is.
    linked: String,
}

impl Contracts {
    fn linked(&self) -> [&str; 2] {
        ["--libraries", &self.linked]
    }
}

/// # Errors
/// When the contracts can't be deployed, or a line can't be written.
pub(crate) async fn run_all(forge: &Forge<'_>, report: &mut Report) -> Result<()> {
    let all = deploy_all(forge).await.context("deploying with forge")?;
    report
        .show(
            "forge: a library, without its creation transaction",
            library(forge, &all),
        )
        .await?;
    report
        .show(
            "forge: arguments, an immutable, a linked library",
            counter(forge, &all),
        )
        .await?;
    report
        .show(
            "forge: a factory, its job asked for with verify-check",
            factory(forge, &all),
        )
        .await?;
    report
        .show(
            "forge: the factory's child, created in a trace",
            child(forge, &all),
        )
        .await?;
    report
        .show(
            "forge: already verified, seen before it submits",
            seen(forge, &all),
        )
        .await?;
    report
        .show(
            "forge: already verified, told by the server",
            told(forge, &all),
        )
        .await?;
    report
        .show("forge: the wrong contract", wrong(forge, &all))
        .await?;
    report
        .show("forge: a job that there is not", unknown(forge))
        .await
}

async fn deploy_all(forge: &Forge<'_>) -> Result<Contracts> {
    let library = forge.create(LIBRARY, &[], &[]).await?;
    let linked = format!("{LIBRARY}:{}", library.address);
    let link = ["--libraries", linked.as_str()];
    let counter = forge.create(COUNTER, &link, &["7", "hello"]).await?;
    let factory = forge.create(FACTORY, &link, &[]).await?;
    let anvil = &forge.stage.anvil;
    let number = vec![DynSolValue::Uint(U256::from(42), 256)];
    deploy::transact(anvil, &factory.address, "make(uint256)", number).await?;
    Ok(Contracts {
        child: deploy::read_address(anvil, &factory.address, "last()").await?,
        stranger: forge.create(LIBRARY, &[], &[]).await?,
        library,
        counter,
        factory,
        linked,
    })
}

async fn library(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let ran = forge
        .verify(&all.library.address, LIBRARY, &WATCHED)
        .await?;
    ran.succeeded()?.says("exact_match")?;
    let wanted = Wanted {
        name: LIBRARY,
        transformations: &["callProtection"],
    };
    forge
        .stage
        .expect_verified(&all.library.address, &wanted)
        .await
}

async fn counter(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let Deployed {
        address,
        transaction,
    } = &all.counter;
    let hash = ["--creation-transaction-hash", transaction.as_str()];
    let more = [&WATCHED[..], &hash, &all.linked()].concat();
    let ran = forge.verify(address, COUNTER, &more).await?;
    ran.succeeded()?.says("exact_match")?;
    let wanted = Wanted {
        name: COUNTER,
        transformations: &["constructorArguments", "immutable"],
    };
    forge.stage.expect_verified(address, &wanted).await
}

/// Without a version, forge sends what the compiler says of itself: `….Linux.gcc`.
async fn factory(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let Deployed {
        address,
        transaction,
    } = &all.factory;
    let hash = ["--creation-transaction-hash", transaction.as_str()];
    let more = [&hash[..], &all.linked()].concat();
    let submitted = forge.verify(address, FACTORY, &more).await?;
    let job = job_of(submitted.succeeded()?)?;
    forge.check(&job).await?.succeeded()?.says("exact_match")?;
    let wanted = Wanted {
        name: FACTORY,
        transformations: &[],
    };
    forge.stage.expect_verified(address, &wanted).await
}

async fn child(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let more = [&WATCHED[..], &all.linked()].concat();
    let ran = forge.verify(&all.child, COUNTER, &more).await?;
    ran.succeeded()?.says("exact_match")?;
    let wanted = Wanted {
        name: COUNTER,
        transformations: &["constructorArguments", "immutable"],
    };
    forge.stage.expect_verified(&all.child, &wanted).await
}

async fn seen(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let more = [&WATCHED[..], &all.linked()].concat();
    let ran = forge.verify(&all.counter.address, COUNTER, &more).await?;
    ran.succeeded()?.says("is already verified")?;
    Ok(())
}

async fn told(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let more = [&WATCHED[..], &["--skip-is-verified-check"], &all.linked()].concat();
    let ran = forge.verify(&all.counter.address, COUNTER, &more).await?;
    ran.succeeded()?.says("already fully verified")?;
    Ok(())
}

async fn wrong(forge: &Forge<'_>, all: &Contracts) -> Result<()> {
    let more = [&WATCHED[..], &all.linked()].concat();
    let ran = forge.verify(&all.stranger.address, COUNTER, &more).await?;
    ran.refused()?
        .says("Error Code: `bytecode_length_mismatch`")?;
    Ok(())
}

async fn unknown(forge: &Forge<'_>) -> Result<()> {
    let ran = forge.check("3fa85f64-5717-4562-b3fc-2c963f66afa6").await?;
    ran.refused()?.says("No verification job found")?;
    Ok(())
}

/// The id that forge prints for `verify-check`.
fn job_of(submitted: &Ran) -> Result<String> {
    let (_, id) = submitted
        .stdout
        .split_once("Verification Job ID: `")
        .with_context(|| format!("forge names no job. {submitted}"))?;
    let (id, _) = id.split_once('`').context("forge names no job")?;
    Ok(id.to_owned())
}
