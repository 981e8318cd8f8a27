//! Path and query parameters, checked in the order and in the words of the API's contract.
//!
//! Shape first, meaning later: the contract asks for the body's shape between the two, so a request
//! is parsed in two steps, [`ContractParams::shape`] and [`ContractParams::resolve`].

use actix_web::HttpRequest;
use common::api::problem::Reason;
use common::config::chains::{Chain, ChainRegistry};
use uuid::Uuid;
use verification::chain::{Address, NotAnAddress};

const ADDRESS_PATTERN: &str = "^0x[0-9a-fA-F]{40}$";
const UUID_PATTERN: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// `{chainId}` of a path, of the right shape.
#[derive(Debug)]
pub(crate) struct ChainParam(String);

impl ChainParam {
    pub(crate) fn shape(request: &HttpRequest) -> Result<Self, Reason> {
        let id = request.match_info().query("chainId");
        if id.len() > 20 {
            return Err(wrong("chainId", "must NOT have more than 20 characters"));
        }
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("chainId", r#"must match pattern "^\d+$""#));
        }
        Ok(Self(id.to_owned()))
    }

    /// The chain of the configuration. A number beyond 63 bits names none that anybody configured.
    pub(crate) fn resolve(self, chains: &ChainRegistry) -> Result<&Chain, Reason> {
        let known = self.0.parse().ok().and_then(|id| chains.find(id));
        known.ok_or(Reason::UnknownChain(self.0))
    }
}

/// `{address}` of a path, of the right shape.
#[derive(Debug)]
pub(crate) struct AddressParam(String);

impl AddressParam {
    pub(crate) fn shape(request: &HttpRequest) -> Result<Self, Reason> {
        let address = request.match_info().query("address");
        length("address", address, 42)?;
        let digits = address.strip_prefix("0x").unwrap_or_default();
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong(
                "address",
                &format!("must match pattern \"{ADDRESS_PATTERN}\""),
            ));
        }
        Ok(Self(address.to_owned()))
    }

    /// The address, whose checksum must be right.
    pub(crate) fn resolve(self) -> Result<Address, Reason> {
        match self.0.parse() {
            Ok(address) => Ok(address),
            Err(NotAnAddress::Shape | NotAnAddress::Checksum) => Err(Reason::InvalidParameter(
                format!("Invalid address: {}", self.0),
            )),
        }
    }
}

/// `{chainId}/{address}` of a path; both have the right shape.
#[derive(Debug)]
pub(crate) struct ContractParams {
    chain: ChainParam,
    address: AddressParam,
}

impl ContractParams {
    pub(crate) fn shape(request: &HttpRequest) -> Result<Self, Reason> {
        Ok(Self {
            chain: ChainParam::shape(request)?,
            address: AddressParam::shape(request)?,
        })
    }

    pub(crate) fn resolve(self, chains: &ChainRegistry) -> Result<(&Chain, Address), Reason> {
        Ok((self.chain.resolve(chains)?, self.address.resolve()?))
    }
}

pub(crate) fn verification_id(request: &HttpRequest) -> Result<Uuid, Reason> {
    let text = request.match_info().query("verificationId");
    length("verificationId", text, 36)?;
    let id: Option<Uuid> = text.parse().ok();
    id.filter(|id| id.to_string() == text).ok_or_else(|| {
        wrong(
            "verificationId",
            &format!("must match pattern \"{UUID_PATTERN}\""),
        )
    })
}

fn length(name: &str, text: &str, wanted: usize) -> Result<(), Reason> {
    let characters = text.chars().count();
    match characters.cmp(&wanted) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(wrong(
            name,
            &format!("must NOT have fewer than {wanted} characters"),
        )),
        std::cmp::Ordering::Greater => Err(wrong(
            name,
            &format!("must NOT have more than {wanted} characters"),
        )),
    }
}

fn wrong(name: &str, what: &str) -> Reason {
    Reason::InvalidParameter(format!("request/params/{name} {what}"))
}

/// The query's values in the order of `known`. Anything else in the query is refused.
pub(crate) fn query<const N: usize>(
    request: &HttpRequest,
    known: [&str; N],
) -> Result<[Option<String>; N], Reason> {
    let mut values = [const { None }; N];
    let pairs =
        match actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string()) {
            Ok(pairs) => pairs.into_inner(),
            Err(error) => {
                return Err(Reason::InvalidParameter(format!(
                    "Unreadable query: {error}"
                )));
            }
        };
    for (name, value) in pairs {
        let place = known
            .iter()
            .position(|known| *known == name)
            .and_then(|at| values.get_mut(at));
        let Some(place) = place else {
            return Err(Reason::InvalidParameter(format!(
                "Unknown query parameter '{name}'"
            )));
        };
        if value.is_empty() {
            let message = format!("Empty value found for query parameter '{name}'");
            return Err(Reason::InvalidParameter(message));
        }
        if place.replace(value).is_some() {
            return Err(Reason::InvalidParameter(format!(
                "request/query/{name} must be string"
            )));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn request(chain_id: &str, address: &str) -> HttpRequest {
        TestRequest::default()
            .param("chainId", chain_id.to_owned())
            .param("address", address.to_owned())
            .to_http_request()
    }

    #[test]
    fn only_the_first_failing_rule_is_reported() {
        const ADDRESS: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
        for (chain_id, address, message) in [
            (
                "abc",
                "0x",
                r#"request/params/chainId must match pattern "^\d+$""#,
            ),
            (
                "-1",
                ADDRESS,
                r#"request/params/chainId must match pattern "^\d+$""#,
            ),
            (
                "123456789012345678901",
                ADDRESS,
                "request/params/chainId must NOT have more than 20 characters",
            ),
            (
                "1",
                "0x12",
                "request/params/address must NOT have fewer than 42 characters",
            ),
            (
                "1",
                &format!("{ADDRESS}0"),
                "request/params/address must NOT have more than 42 characters",
            ),
            (
                "1",
                &ADDRESS.replace("0x", "00"),
                r#"request/params/address must match pattern "^0x[0-9a-fA-F]{40}$""#,
            ),
            (
                "1",
                &ADDRESS.replace('5', "g"),
                r#"request/params/address must match pattern "^0x[0-9a-fA-F]{40}$""#,
            ),
        ] {
            let reason = ContractParams::shape(&request(chain_id, address)).unwrap_err();
            assert_eq!(reason, Reason::InvalidParameter(message.to_owned()));
        }
        assert!(ContractParams::shape(&request("1", ADDRESS)).is_ok());
    }

    #[test]
    fn a_chain_beyond_63_bits_is_unknown() {
        let file =
            r#"{"1": {"sourcifyName": "One", "supported": true, "rpc": ["http://127.0.0.1:1"]}}"#;
        let chains = ChainRegistry::parse(file, &|_| None).unwrap();
        let address = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
        for unknown in ["0", "2", "99999999999999999999"] {
            let params = ContractParams::shape(&request(unknown, address)).unwrap();
            assert_eq!(
                params.resolve(&chains).unwrap_err(),
                Reason::UnknownChain(unknown.to_owned())
            );
        }
        let wrong_checksum = address.replace("afe", "aFe");
        let params = ContractParams::shape(&request("1", &wrong_checksum)).unwrap();
        let message = format!("Invalid address: {wrong_checksum}");
        assert_eq!(
            params.resolve(&chains).unwrap_err(),
            Reason::InvalidParameter(message)
        );
    }

    #[test]
    fn queries_hold_what_is_known_and_nothing_else() {
        let parse = |text: &str| {
            query(
                &TestRequest::with_uri(&format!("/?{text}")).to_http_request(),
                ["fields", "omit"],
            )
        };
        assert_eq!(parse("").unwrap(), [None, None]);
        assert_eq!(parse("omit=abi").unwrap(), [None, Some("abi".to_owned())]);
        for (text, message) in [
            ("x=1", "Unknown query parameter 'x'"),
            ("fields=", "Empty value found for query parameter 'fields'"),
            ("fields=a&fields=b", "request/query/fields must be string"),
        ] {
            assert_eq!(
                parse(text).unwrap_err(),
                Reason::InvalidParameter(message.to_owned())
            );
        }
    }

    #[test]
    fn a_verification_id_is_a_uuid_in_lower_case() {
        let parse = |text: &str| {
            verification_id(
                &TestRequest::default()
                    .param("verificationId", text.to_owned())
                    .to_http_request(),
            )
        };
        assert!(parse("72d12273-0723-448e-a9f6-f7957128efa5").is_ok());
        for text in [
            "72D12273-0723-448e-a9f6-f7957128efa5",
            "72d1227300723-448e-a9f6-f7957128efa5",
            "short",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
