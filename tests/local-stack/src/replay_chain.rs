//! A chain that is told, not run: contracts lie at their addresses because somebody says so.
//!
//! Real contracts of other chains, and such that no chain would ever hold, are put before the
//! verifier this way. It answers what a node is asked about a contract and how it was made, the
//! same for every block; it executes nothing, and refuses a call that it does not know.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::{HttpResponse, web};
use anyhow::Result;
use serde_json::{Value, json};

use crate::server::Server;

const DEPLOYER: &str = "0xdededededededededededededededededededede";
const FACTORY: &str = "0xfafafafafafafafafafafafafafafafafafafafa";

/// A contract and the transaction that made it, if one is known.
#[derive(Debug, Clone)]
pub struct HeldContract {
    /// In small letters, after `0x`, as all hex here.
    pub address: String,
    pub runtime_code: String,
    pub creation: Option<CreationTransaction>,
}

impl HeldContract {
    /// One with these codes at the address of a number, made by the transaction of that number.
    #[must_use]
    pub fn numbered(number: usize, runtime: &[u8], creation: &[u8]) -> Self {
        let address = format!("0x{number:040x}");
        Self {
            runtime_code: format!("0x{}", hex::encode(runtime)),
            creation: Some(CreationTransaction {
                hash: format!("0x{number:064x}"),
                input: format!("0x{}", hex::encode(creation)),
                contract_address: Some(address.clone()),
                traces: Traces::default(),
            }),
            address,
        }
    }
}

/// As a node tells it.
#[derive(Debug, Clone)]
pub struct CreationTransaction {
    pub hash: String,
    pub input: String,
    /// Of the receipt; none for a transaction that calls a factory.
    pub contract_address: Option<String>,
    pub traces: Traces,
}

/// What the two ways of tracing answer for a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    pub trace_transaction: Value,
    pub debug_trace_transaction: Value,
}

impl Default for Traces {
    /// A transaction in which nothing was made.
    fn default() -> Self {
        Self {
            trace_transaction: json!([]),
            debug_trace_transaction: Value::Null,
        }
    }
}

/// A running chain; it ends when dropped.
#[derive(Debug)]
pub struct ReplayChain {
    state: web::Data<State>,
    server: Server,
}

#[derive(Debug)]
struct State {
    chain_id: u64,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_address: HashMap<String, Arc<HeldContract>>,
    by_transaction: HashMap<String, Arc<HeldContract>>,
}

impl ReplayChain {
    /// Serves on a free port, inside the running tokio runtime.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(chain_id: u64) -> Result<Self> {
        let state = web::Data::new(State {
            chain_id,
            held: RwLock::default(),
        });
        let shared = state.clone();
        let server = Server::start(move |app| {
            app.app_data(shared.clone())
                .route("/", web::post().to(serve));
        })?;
        Ok(Self { state, server })
    }

    /// From now on the contract is there.
    pub fn hold(&self, contract: HeldContract) {
        let contract = Arc::new(contract);
        let held = self.state.held.write();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        if let Some(creation) = &contract.creation {
            held.by_transaction
                .insert(creation.hash.clone(), Arc::clone(&contract));
        }
        held.by_address.insert(contract.address.clone(), contract);
    }

    /// The JSON-RPC endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// A chains file with this chain alone. Its endpoint is named twice, once for each way of tracing.
    #[must_use]
    pub fn chains(&self) -> Value {
        self.chains_at(&self.url())
    }

    /// The same for a way that leads here.
    #[must_use]
    pub fn chains_at(&self, url: &str) -> Value {
        let rpc = |support: &str| json!({"type": "BaseRPC", "url": url, "traceSupport": support});
        json!({self.state.chain_id.to_string(): {
            "sourcifyName": "Replay chain",
            "supported": true,
            "rpc": [rpc("trace_transaction"), rpc("debug_traceTransaction")],
        }})
    }
}

async fn serve(body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let reply = match serde_json::from_slice(&body) {
        Ok(Value::Array(calls)) => calls.iter().map(|call| reply(&state, call)).collect(),
        Ok(call) => reply(&state, &call),
        Err(error) => json!({"jsonrpc": "2.0", "id": null,
            "error": {"code": -32700, "message": error.to_string()}}),
    };
    HttpResponse::Ok().json(reply)
}

fn reply(state: &State, call: &Value) -> Value {
    let id = call.get("id").unwrap_or(&Value::Null);
    let method = call.get("method").and_then(Value::as_str);
    let method = method.unwrap_or_default();
    match state.answer(method, call.get("params").unwrap_or(&Value::Null)) {
        Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        None => json!({"jsonrpc": "2.0", "id": id,
            "error": {"code": -32601, "message": format!("method {method} is not available")}}),
    }
}

impl State {
    /// Nothing for a method that it does not know.
    fn answer(&self, method: &str, params: &Value) -> Option<Value> {
        let first = params.get(0).and_then(Value::as_str).unwrap_or_default();
        let first = first.to_ascii_lowercase();
        let chain_id = format!("{:#x}", self.chain_id);
        let made = |render: fn(&CreationTransaction, &str) -> Value| {
            let contract = self.held(|held| held.by_transaction.get(&first).cloned());
            let creation = contract.as_deref().and_then(|held| held.creation.as_ref());
            creation.map_or(Value::Null, |creation| render(creation, &chain_id))
        };
        Some(match method {
            "eth_chainId" => chain_id.into(),
            "net_version" => self.chain_id.to_string().into(),
            "eth_blockNumber" => "0x64".into(),
            "eth_getCode" => {
                let contract = self.held(|held| held.by_address.get(&first).cloned());
                contract.map_or("0x".into(), |held| held.runtime_code.clone().into())
            }
            "eth_getTransactionByHash" => made(transaction),
            "eth_getTransactionReceipt" => made(receipt),
            "trace_transaction" => made(|creation, _| creation.traces.trace_transaction.clone()),
            "debug_traceTransaction" => {
                made(|creation, _| creation.traces.debug_trace_transaction.clone())
            }
            "eth_getBlockByNumber" => json!({
                "number": first, "hash": zeros(32), "parentHash": zeros(32),
                "timestamp": "0x5f5e100", "transactions": [],
            }),
            "eth_getStorageAt" => zeros(32).into(),
            "eth_call" => "0x".into(),
            _ => return None,
        })
    }

    fn held<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn transaction(creation: &CreationTransaction, chain_id: &str) -> Value {
    json!({
        "hash": creation.hash, "from": DEPLOYER, "to": called(creation), "input": creation.input,
        "blockNumber": "0x10", "blockHash": zeros(32), "transactionIndex": "0x1", "nonce": "0x0",
        "value": "0x0", "gas": "0x1", "gasPrice": "0x0", "type": "0x0", "chainId": chain_id,
        "v": "0x1b", "r": "0x1", "s": "0x1",
    })
}

fn receipt(creation: &CreationTransaction, _chain_id: &str) -> Value {
    json!({
        "transactionHash": creation.hash, "from": DEPLOYER, "to": called(creation),
        "contractAddress": creation.contract_address, "blockNumber": "0x10", "blockHash": zeros(32),
        "transactionIndex": "0x1", "status": "0x1", "logs": [], "logsBloom": zeros(256),
        "cumulativeGasUsed": "0x1", "gasUsed": "0x1", "effectiveGasPrice": "0x0", "type": "0x0",
    })
}

fn called(creation: &CreationTransaction) -> Option<&'static str> {
    creation.contract_address.is_none().then_some(FACTORY)
}

fn zeros(bytes: usize) -> String {
    format!("0x{}", "00".repeat(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(digit: &str) -> String {
        format!("0x{}", digit.repeat(40))
    }

    fn held(digit: &str, contract_address: Option<String>, traces: Traces) -> HeldContract {
        HeldContract {
            address: address(digit),
            runtime_code: "0x6001".to_owned(),
            creation: Some(CreationTransaction {
                hash: format!("0x{}", digit.repeat(64)),
                input: "0xaabb".to_owned(),
                contract_address,
                traces,
            }),
        }
    }

    async fn post(chain: &ReplayChain, body: &Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = http.post(chain.url()).json(body).send().await.unwrap();
        response.json().await.unwrap()
    }

    async fn result(chain: &ReplayChain, method: &str, params: Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let answer = post(chain, &call).await;
        assert_eq!(answer["id"], 7);
        answer["result"].clone()
    }

    #[tokio::test]
    async fn it_says_of_a_contract_what_it_was_told() {
        let chain = ReplayChain::start(7).unwrap();
        chain.hold(held("a", Some(address("a")), Traces::default()));
        let traces = Traces {
            trace_transaction: json!([{"type": "create"}]),
            debug_trace_transaction: json!({"type": "CALL"}),
        };
        chain.hold(held("b", None, traces));
        let latest = json!([address("A").replace("0X", "0x"), "latest"]);
        assert_eq!(result(&chain, "eth_getCode", latest).await, "0x6001");
        let nobody = json!([address("c"), "latest"]);
        assert_eq!(result(&chain, "eth_getCode", nobody).await, "0x");
        let by_itself = json!([format!("0x{}", "a".repeat(64))]);
        let by_a_factory = json!([format!("0x{}", "b".repeat(64))]);
        let transaction = result(&chain, "eth_getTransactionByHash", by_itself.clone()).await;
        assert_eq!(
            (&transaction["to"], &transaction["input"]),
            (&Value::Null, &json!("0xaabb"))
        );
        for (hash, to, contract, traced) in [
            (
                &by_itself,
                Value::Null,
                json!(address("a")),
                (json!([]), Value::Null),
            ),
            (
                &by_a_factory,
                json!(FACTORY),
                Value::Null,
                (json!([{"type": "create"}]), json!({"type": "CALL"})),
            ),
        ] {
            let receipt = result(&chain, "eth_getTransactionReceipt", hash.clone()).await;
            assert_eq!(
                (&receipt["to"], &receipt["contractAddress"]),
                (&to, &contract)
            );
            let flat = result(&chain, "trace_transaction", hash.clone()).await;
            let tree = result(&chain, "debug_traceTransaction", hash.clone()).await;
            assert_eq!((flat, tree), traced);
        }
        let unknown = json!([format!("0x{}", "c".repeat(64))]);
        assert_eq!(
            result(&chain, "eth_getTransactionByHash", unknown).await,
            Value::Null
        );
    }

    #[tokio::test]
    async fn calls_come_alone_or_together_and_unknown_ones_are_refused() {
        let chain = ReplayChain::start(7).unwrap();
        let call = |id: u8, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
        let batch = json!([
            call(1, "eth_chainId"),
            call(2, "net_version"),
            call(3, "ots_getHeaderByNumber")
        ]);
        assert_eq!(
            post(&chain, &batch).await,
            json!([
                {"jsonrpc": "2.0", "id": 1, "result": "0x7"},
                {"jsonrpc": "2.0", "id": 2, "result": "7"},
                {"jsonrpc": "2.0", "id": 3, "error":
                    {"code": -32601, "message": "method ots_getHeaderByNumber is not available"}},
            ])
        );
    }
}
