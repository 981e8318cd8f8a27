//! What is verified: contracts, each again and again with sources that nobody has compiled yet.

use alloy_dyn_abi::DynSolValue;
use anyhow::{Context, Result, bail};
use compiler::Compilers;
use local_stack::anvil::Anvil;
use local_stack::deploy;
use local_stack::project::Project;
use local_stack::replay_chain::HeldContract;
use serde_json::{Value, json};
use verification::compiled_contract::CompiledContract;

/// A contract, deployed once for real.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) project: Project,
    compiled: CompiledContract,
    /// As the real deployment left it.
    on_chain: Codes,
}

/// The two codes of a chain.
pub(crate) struct Codes {
    pub(crate) runtime: Vec<u8>,
    pub(crate) creation: Vec<u8>,
}

/// The inputs of the benchmark, small to large.
///
/// # Errors
/// When one does not compile or can't be deployed.
pub(crate) async fn all(compilers: &Compilers) -> Result<Vec<Input>> {
    let anvil = Anvil::start(31337, &[]).await?;
    let small = Project::read("Small.sol", "Small")?;
    // A governor asks its token for the time, so there must be some code.
    let compiled = deploy::compile(compilers, &small).await?;
    let token = deploy::deploy(&anvil, &compiled, Vec::new()).await?;
    let token = DynSolValue::Address(token.address.parse()?);
    let account = DynSolValue::Address(alloy_primitives::Address::repeat_byte(0x11));
    let text = |text: &str| DynSolValue::String(text.to_owned());
    let preset = Project::read("Preset.sol", "Preset")?;
    let preset_arguments = vec![account, text("Preset"), text("PRE")];
    let governor = Project::read("Gov.sol", "Gov")?;
    // Its size is that of contracts which are slow to read elsewhere: 45 files, 85 signatures.
    let large = Project::read("Large.sol", "Large")?;
    let mut inputs = Vec::new();
    for (name, project, arguments) in [
        ("small contract", small, Vec::new()),
        ("OpenZeppelin ERC20 preset", preset, preset_arguments),
        ("OpenZeppelin Governor", governor, vec![token.clone()]),
        ("45 files, 85 signatures", large, vec![token]),
    ] {
        let compiled = deploy::compile(compilers, &project).await?;
        let on_chain = deployed(&anvil, &compiled, arguments).await?;
        inputs.push(Input {
            name,
            project,
            compiled,
            on_chain,
        });
    }
    Ok(inputs)
}

async fn deployed(
    anvil: &Anvil,
    compiled: &CompiledContract,
    arguments: Vec<DynSolValue>,
) -> Result<Codes> {
    let deployed = deploy::deploy(anvil, compiled, arguments).await?;
    let code = anvil
        .call("eth_getCode", json!([deployed.address, "latest"]))
        .await?;
    let transaction = anvil
        .call("eth_getTransactionByHash", json!([deployed.transaction]))
        .await?;
    let bytes = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str);
        let digits = text.and_then(|text| text.strip_prefix("0x"));
        hex::decode(digits.context("the chain gave no code")?).context("the chain's code")
    };
    Ok(Codes {
        runtime: bytes(Some(&code))?,
        creation: bytes(transaction.get("input"))?,
    })
}

impl Input {
    /// What the chain would hold had this been deployed instead, in the same way.
    ///
    /// # Errors
    /// When it is not the same contract from sources with another comment.
    pub(crate) fn on_chain_as(&self, compiled: &CompiledContract) -> Result<Codes> {
        let ours = self.compiled.runtime.bytes();
        let theirs = compiled.runtime.bytes();
        let creation_length = self.compiled.creation.bytes().len();
        let is_same = ours.len() == theirs.len()
            && ours.len() == self.on_chain.runtime.len()
            && creation_length == compiled.creation.bytes().len();
        let arguments = self.on_chain.creation.get(creation_length..);
        let (true, Some(arguments)) = (is_same, arguments) else {
            bail!("{}: a comment changed the lengths", self.name);
        };
        // Where the deployment filled something in, the chain differs from what was compiled.
        let bytes = ours.iter().zip(theirs).zip(&self.on_chain.runtime);
        let runtime =
            bytes.map(|((ours, theirs), there)| if ours == there { *theirs } else { *there });
        let mut creation = compiled.creation.bytes().to_vec();
        creation.extend_from_slice(arguments);
        Ok(Codes {
            runtime: runtime.collect(),
            creation,
        })
    }

    /// As the real deployment left it.
    pub(crate) fn on_chain(&self) -> &Codes {
        &self.on_chain
    }
}

impl Codes {
    /// A contract with these codes at the address of a number.
    pub(crate) fn at(&self, number: usize) -> HeldContract {
        HeldContract::numbered(number, &self.runtime, &self.creation)
    }
}
