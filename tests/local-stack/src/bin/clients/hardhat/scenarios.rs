//! What is tried with Hardhat. Later scenarios look at contracts that earlier ones verified.

use std::fs;

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::U256;
use anyhow::{Context, Result, bail};
use local_stack::deploy::Deployed;
use local_stack::run::Ran;
use serde_json::json;

use super::Hardhat;
use crate::report::Report;
use crate::stage::{Wanted, expect_page};

/// Hardhat puts `project/` before the names of a project's own files.
const LIBRARY: &str = "project/contracts/MathLib.sol:MathLib";
const COUNTER: &str = "project/contracts/Counter.sol:Counter";
const FACTORY: &str = "project/contracts/Factory.sol:Factory";

const VERIFIED: &str = "Contract verified successfully on Sourcify";
/// Where the file with the libraries lies in the project.
const LIBRARIES: &str = "libraries.ts";

/// Ours, on the chain.
struct Contracts {
    library: Deployed,
    counter: Deployed,
    factory: Deployed,
    /// Its second place of the library holds another address, which Hardhat does not look at.
    altered: String,
}

/// # Errors
/// When the contracts can't be deployed, or a line can't be written.
pub(crate) async fn run_all(hardhat: &Hardhat<'_>, report: &mut Report) -> Result<()> {
    let all = deploy_all(hardhat)
        .await
        .context("deploying with Hardhat")?;
    report
        .show(
            "Hardhat: a library, told by its code alone",
            library(hardhat, &all),
        )
        .await?;
    report
        .show(
            "Hardhat: arguments, an immutable, a library from a file",
            counter(hardhat, &all),
        )
        .await?;
    report
        .show(
            "Hardhat: a factory by name and creation transaction",
            factory(hardhat, &all),
        )
        .await?;
    report
        .show(
            "Hardhat: already verified, seen before it submits",
            seen(hardhat, &all),
        )
        .await?;
    report
        .show(
            "Hardhat: already verified, told by the server",
            told(hardhat, &all),
        )
        .await?;
    report
        .show("Hardhat: code that does not match", altered(hardhat, &all))
        .await
}

async fn deploy_all(hardhat: &Hardhat<'_>) -> Result<Contracts> {
    hardhat.build().await?;
    let library = hardhat.deploy("MathLib", None, "").await?;
    let address = library.address.as_str();
    let arguments = DynSolValue::Tuple(vec![
        DynSolValue::Uint(U256::from(7), 256),
        DynSolValue::String("hello".to_owned()),
    ]);
    let arguments = hex::encode(arguments.abi_encode_params());
    let counter = hardhat.deploy("Counter", Some(address), &arguments).await?;
    let factory = hardhat.deploy("Factory", Some(address), "").await?;
    let file = format!("export default {};\n", json!({"MathLib": address}));
    fs::write(hardhat.project.join(LIBRARIES), file).context("writing the libraries")?;
    Ok(Contracts {
        altered: alter(hardhat, &counter.address, address).await?,
        library,
        counter,
        factory,
    })
}

/// Puts a copy of the code on the chain with the library's last place changed.
async fn alter(hardhat: &Hardhat<'_>, contract: &str, library: &str) -> Result<String> {
    let anvil = &hardhat.stage.anvil;
    let code = anvil
        .call("eth_getCode", json!([contract, "latest"]))
        .await?;
    let code = code.as_str().context("the chain gave no code")?;
    let digits = library.trim_start_matches("0x").to_lowercase();
    let places = code.matches(&digits).count();
    let Some((before, after)) = code.rsplit_once(&digits).filter(|_| places > 1) else {
        bail!("the library is linked at {places} places, and Hardhat looks at the first");
    };
    let (address, other) = (format!("0x{}", "a1".repeat(20)), "b2".repeat(20));
    let code = format!("{before}{other}{after}");
    anvil.call("anvil_setCode", json!([address, code])).await?;
    Ok(address)
}

async fn library(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let address = &all.library.address;
    let ran = hardhat.verify(&[address]).await?;
    ran.succeeded()?.says(VERIFIED)?;
    expect_page(&ran, "/repo-ui/", "<h1>MathLib</h1>").await?;
    let wanted = Wanted {
        name: LIBRARY,
        transformations: &["callProtection"],
    };
    hardhat.stage.expect_verified(address, &wanted).await
}

async fn counter(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let address = &all.counter.address;
    let libraries = ["--libraries-path", LIBRARIES];
    let ran = hardhat
        .verify(&[&libraries[..], &[address, "7", "hello"]].concat())
        .await?;
    ran.succeeded()?.says(VERIFIED)?;
    let wanted = Wanted {
        name: COUNTER,
        transformations: &["constructorArguments", "immutable", "library"],
    };
    hardhat.stage.expect_verified(address, &wanted).await
}

async fn factory(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let Deployed {
        address,
        transaction,
    } = &all.factory;
    let named = ["--contract", "contracts/Factory.sol:Factory"];
    let created = ["--creation-tx-hash", transaction, address];
    let ran = hardhat
        .verify(&[named.as_slice(), &created].concat())
        .await?;
    ran.succeeded()?.says(VERIFIED)?;
    let wanted = Wanted {
        name: FACTORY,
        transformations: &["library"],
    };
    hardhat.stage.expect_verified(address, &wanted).await
}

async fn seen(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let ran = hardhat.verify(&[&all.library.address]).await?;
    ran.succeeded()?.says("has already been verified")?;
    Ok(())
}

async fn told(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let ran = hardhat.verify(&["--force", &all.library.address]).await?;
    ran.refused()?.says("HHE80022")?;
    Ok(())
}

/// It submits twice: the files that the contract needs, then all files.
async fn altered(hardhat: &Hardhat<'_>, all: &Contracts) -> Result<()> {
    let ran = hardhat.verify(&[&all.altered, "7", "hello"]).await?;
    ran.refused()?
        .says("Trying again with the full solc input")?;
    let job = hardhat.stage.client.job(job_of(&ran)?).await?;
    let error = &job["error"];
    if error["customCode"] != "no_match" {
        bail!("the job ended otherwise: {job}");
    }
    ran.says(error["message"].as_str().unwrap_or_default())?;
    expect_page(&ran, "/verify-ui/jobs/", "<code>no_match</code>").await
}

/// The id in the last link that Hardhat prints.
fn job_of(ran: &Ran) -> Result<&str> {
    let link = ran.stderr.rsplit_once("/verify-ui/jobs/");
    let (_, rest) = link.with_context(|| format!("Hardhat names no job. {ran}"))?;
    let is_of_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let end = rest.find(|letter| !is_of_id(letter)).unwrap_or(rest.len());
    rest.get(..end).context("Hardhat names no job")
}
