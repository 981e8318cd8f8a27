//! Contracts compiled and put on a development chain, as their authors would.

use std::time::{Duration, Instant};

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::keccak256;
use anyhow::{Context, Result, bail};
use compiler::{Compilers, Engine, Limits, Outcome};
use serde_json::{Value, json};
use verification::compiled_contract::CompiledContract;
use verification::compiler::Compiler;
use verification::compiler_output::read_compiler_output;
use verification::std_json::Selection;

use crate::anvil::Anvil;
use crate::project::Project;

const MINED_WITHIN: Duration = Duration::from_secs(20);

/// A contract on the chain.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Forty digits after `0x`, in whatever case the node writes.
    pub address: String,
    pub transaction: String,
}

/// Generous: a machine that is busy with other things must not fail here.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        time: Duration::from_secs(300),
        memory_bytes: 2 << 30,
        output_bytes: 64 << 20,
    }
}

/// A compilation with what it took.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub contract: CompiledContract,
    /// All that the compiler answered.
    pub output: Vec<u8>,
    /// Of the compiler alone, its process included.
    pub took: Duration,
    /// Of the compiler's process; zero if it does not tell.
    pub peak_memory_bytes: u64,
}

/// Compiles with the same engine that verifies; prepares the release if it is not there yet.
///
/// # Errors
/// When the release is not known, or the sources don't compile.
pub async fn compile(compilers: &Compilers, project: &Project) -> Result<CompiledContract> {
    Ok(compile_measured(compilers, project).await?.contract)
}

/// As [`compile`], with what it took.
///
/// # Errors
/// When the release is not known, or the sources don't compile.
pub async fn compile_measured(compilers: &Compilers, project: &Project) -> Result<Compiled> {
    let release = compilers
        .find(Compiler::Solc, &project.version)
        .context("the compiler release is not known")?;
    let Project {
        target,
        version,
        input,
    } = project;
    let selection = Selection::first(input.language(), version);
    let text = input.compiler_input(target, selection);
    let started = Instant::now();
    let compilation = compilers
        .compile(&release, Engine::Wasm, text.as_bytes(), &limits())
        .await?;
    let took = started.elapsed();
    let Outcome::Output(output) = compilation.outcome else {
        bail!("{target}: {:?}", compilation.outcome);
    };
    let contract = read_compiler_output(&output, input, target, version)
        .map_err(|failure| anyhow::anyhow!("{target}: {failure:?}"))?;
    Ok(Compiled {
        contract,
        output,
        took,
        peak_memory_bytes: compilation.peak_memory_bytes,
    })
}

/// Sends the creation code with constructor arguments from anvil's first account.
///
/// # Errors
/// When the chain refuses it.
pub async fn deploy(
    anvil: &Anvil,
    contract: &CompiledContract,
    arguments: Vec<DynSolValue>,
) -> Result<Deployed> {
    let mut code = contract.creation.bytes().to_vec();
    code.extend(DynSolValue::Tuple(arguments).abi_encode_params());
    deploy_code(anvil, &hex::encode(code)).await
}

/// Sends creation code, in hexadecimal digits, from anvil's first account.
///
/// # Errors
/// When the chain refuses it.
pub async fn deploy_code(anvil: &Anvil, digits: &str) -> Result<Deployed> {
    let receipt = send(anvil, json!({"data": format!("0x{digits}")})).await?;
    Ok(Deployed {
        address: text(&receipt, "contractAddress")?,
        transaction: text(&receipt, "transactionHash")?,
    })
}

/// Calls a function in a transaction; gives the transaction's hash.
///
/// # Errors
/// When the chain refuses it.
pub async fn transact(
    anvil: &Anvil,
    to: &str,
    signature: &str,
    arguments: Vec<DynSolValue>,
) -> Result<String> {
    let receipt = send(
        anvil,
        json!({"to": to, "data": call_data(signature, arguments)}),
    )
    .await?;
    text(&receipt, "transactionHash")
}

/// Calls a function that returns an address.
///
/// # Errors
/// When it returns something else.
pub async fn read_address(anvil: &Anvil, to: &str, signature: &str) -> Result<String> {
    let call = json!([{"to": to, "data": call_data(signature, Vec::new())}, "latest"]);
    let answer = anvil.call("eth_call", call).await?;
    let word = answer.as_str().unwrap_or_default();
    let digits = word
        .get(word.len().saturating_sub(40)..)
        .filter(|digits| digits.len() == 40);
    Ok(format!(
        "0x{}",
        digits.context("the call returned no address")?
    ))
}

fn call_data(signature: &str, arguments: Vec<DynSolValue>) -> String {
    let mut data: Vec<u8> = keccak256(signature).iter().take(4).copied().collect();
    data.extend(DynSolValue::Tuple(arguments).abi_encode_params());
    format!("0x{}", hex::encode(data))
}

async fn send(anvil: &Anvil, mut transaction: Value) -> Result<Value> {
    let accounts = anvil.call("eth_accounts", json!([])).await?;
    let from = accounts
        .get(0)
        .context("the chain has no accounts")?
        .clone();
    if let Some(members) = transaction.as_object_mut() {
        members.insert("from".to_owned(), from);
        members.insert("gas".to_owned(), "0xe4e1c0".into());
    }
    let hash = anvil
        .call("eth_sendTransaction", json!([transaction]))
        .await?;
    let receipt = wait_for_receipt(anvil, &hash).await?;
    if receipt.get("status") != Some(&json!("0x1")) {
        bail!("the transaction {hash} failed: {receipt}");
    }
    Ok(receipt)
}

/// The chain mines each transaction at once, but answers before it has.
async fn wait_for_receipt(anvil: &Anvil, hash: &Value) -> Result<Value> {
    let started = Instant::now();
    loop {
        let receipt = anvil
            .call("eth_getTransactionReceipt", json!([hash]))
            .await?;
        if !receipt.is_null() {
            return Ok(receipt);
        }
        if started.elapsed() > MINED_WITHIN {
            bail!("the transaction {hash} is not mined after {MINED_WITHIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn text(receipt: &Value, name: &str) -> Result<String> {
    let value = receipt.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .with_context(|| format!("the receipt has no {name}"))
}
