//! What must come of a case, and how what came differs from it.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// What must come of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// The job's `customCode`.
    Failure(String),
    /// At least one side matches, whatever is said of each.
    Match {
        creation: ExpectedSide,
        runtime: ExpectedSide,
        /// Not said by most cases that come from elsewhere.
        deployment: Option<Deployment>,
    },
}

/// What must be known of how the contract was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// The submitted transaction made it.
    Known,
    /// No transaction was submitted, or one that did not make it.
    Unknown,
}

/// What must come of one side.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedSide {
    Null,
    Stated {
        level: Level,
        /// With their values, where they are written down.
        transformations: Option<(Vec<Value>, Value)>,
    },
    /// Nobody wrote down more than that another program found a match: its word for it.
    Matched(String),
    /// Nothing is said: the side may match or not.
    Open,
}

/// How well a side must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Match,
    ExactMatch,
    /// The origin of the case doesn't tell one from the other.
    Any,
}

/// Why what a file says can't be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectedError {
    #[error("`{side}` is {level}, and not match, exact_match, any or null")]
    Level { side: &'static str, level: Value },
    #[error("`{side}Transformations` is no list")]
    NoList { side: &'static str },
    #[error("a failure has no matching sides")]
    FailureWithSides,
}

/// As it is written. Where a side has no transformations, a level in other words is a remark of the
/// case's origin.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExpectedFile {
    failure: Option<String>,
    #[serde(deserialize_with = "even_null")]
    creation: Option<Value>,
    #[serde(deserialize_with = "even_null")]
    runtime: Option<Value>,
    #[serde(deserialize_with = "even_null")]
    creation_transformations: Option<Value>,
    #[serde(deserialize_with = "even_null")]
    runtime_transformations: Option<Value>,
    creation_values: Value,
    runtime_values: Value,
    deployment: Option<Deployment>,
}

/// What another program found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reproduced {
    creation: Option<String>,
    runtime: Option<String>,
}

/// A member that is there and null says something.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Expected {
    pub(super) fn read(
        written: ExpectedFile,
        reproduced: Reproduced,
    ) -> Result<Self, ExpectedError> {
        let creation = ExpectedSide::read(
            "creation",
            written.creation,
            written.creation_transformations,
            written.creation_values,
            reproduced.creation,
        )?;
        let runtime = ExpectedSide::read(
            "runtime",
            written.runtime,
            written.runtime_transformations,
            written.runtime_values,
            reproduced.runtime,
        )?;
        match (written.failure, &creation, &runtime) {
            (Some(code), ExpectedSide::Open, ExpectedSide::Open) => Ok(Self::Failure(code)),
            (Some(_), ..) => Err(ExpectedError::FailureWithSides),
            (None, ..) => Ok(Self::Match {
                creation,
                runtime,
                deployment: written.deployment,
            }),
        }
    }

    /// Whether everything is said, and both sides to the byte.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_stated = |side: &_| match side {
            ExpectedSide::Null => true,
            ExpectedSide::Stated {
                transformations, ..
            } => transformations.is_some(),
            ExpectedSide::Matched(_) | ExpectedSide::Open => false,
        };
        match self {
            Self::Failure(_) => true,
            Self::Match {
                creation,
                runtime,
                deployment,
            } => is_stated(creation) && is_stated(runtime) && deployment.is_some(),
        }
    }
}

impl ExpectedSide {
    fn read(
        side: &'static str,
        level: Option<Value>,
        transformations: Option<Value>,
        values: Value,
        reproduced: Option<String>,
    ) -> Result<Self, ExpectedError> {
        if level.as_ref().is_some_and(Value::is_null) {
            return Ok(Self::Null);
        }
        let parsed = level.as_ref().map(Level::deserialize);
        match (parsed, transformations) {
            (Some(Ok(level)), None) => Ok(Self::Stated {
                level,
                transformations: None,
            }),
            (Some(Ok(level)), Some(Value::Array(transformations))) => Ok(Self::Stated {
                level,
                transformations: Some((transformations, values)),
            }),
            (Some(Ok(_)), Some(_)) => Err(ExpectedError::NoList { side }),
            (_, None) => Ok(reproduced.map_or(Self::Open, Self::Matched)),
            (_, Some(_)) => Err(ExpectedError::Level {
                side,
                level: level.unwrap_or_default(),
            }),
        }
    }

    /// How a side of a contract's document differs from this.
    pub(super) fn differences(&self, side: &str, found: &Value) -> Vec<String> {
        let level = found.get(format!("{side}Match"));
        let level = level.and_then(Value::as_str);
        let shown = level.unwrap_or("null");
        let (wanted, transformations) = match self {
            Self::Open => return Vec::new(),
            Self::Null if level.is_none() => return Vec::new(),
            Self::Null => return vec![format!("{side}Match {shown}, expected null")],
            Self::Matched(_) if level.is_some() => return Vec::new(),
            Self::Matched(how) => {
                return vec![format!("{side}Match null, another program found {how}")];
            }
            Self::Stated {
                level,
                transformations,
            } => (level, transformations),
        };
        if !wanted.is_met_by(level) {
            return vec![format!("{side}Match {shown}, expected {}", wanted.name())];
        }
        let Some((transformations, values)) = transformations else {
            return Vec::new();
        };
        let code = found.get(format!("{side}Bytecode"));
        let member = |name: &str| code.and_then(|code| code.get(name)).unwrap_or(&Value::Null);
        let mut differences = Vec::new();
        let list = member("transformations");
        if !is_same_set(list.as_array().map_or(&[], Vec::as_slice), transformations) {
            let wanted = Value::from(transformations.clone());
            differences.push(differs(side, "transformations", list, &wanted));
        }
        let found_values = member("transformationValues");
        if without_empty(found_values) != without_empty(values) {
            differences.push(differs(side, "values", found_values, values));
        }
        differences
    }
}

impl Deployment {
    fn name(self) -> &'static str {
        match self {
            Self::Known => "the submitted transaction",
            Self::Unknown => "only nulls",
        }
    }

    /// How the deployment of a contract's document differs from this, if it does.
    pub(super) fn difference(self, submitted: Option<&str>, found: &Value) -> Option<String> {
        let deployment = found.get("deployment").and_then(Value::as_object);
        let hash = deployment.and_then(|members| members.get("transactionHash"));
        let is_met = match self {
            Self::Known => submitted.is_some() && hash.and_then(Value::as_str) == submitted,
            Self::Unknown => deployment.is_some_and(|members| members.values().all(Value::is_null)),
        };
        let shown = short(found.get("deployment").unwrap_or(&Value::Null));
        (!is_met).then(|| format!("deployment {shown}, expected {}", self.name()))
    }
}

impl Level {
    fn is_met_by(self, level: Option<&str>) -> bool {
        level.is_some_and(|level| self == Self::Any || level == self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::ExactMatch => "exact_match",
            Self::Any => "any match",
        }
    }
}

/// The order is a matter of taste, and origins differ in it.
fn is_same_set(found: &[Value], wanted: &[Value]) -> bool {
    let mut rest: Vec<&Value> = wanted.iter().collect();
    let all_wanted = found.iter().all(|one| {
        let at = rest.iter().position(|other| *other == one);
        at.map(|at| rest.swap_remove(at)).is_some()
    });
    all_wanted && rest.is_empty()
}

/// `{}`, `{"cborAuxdata": {}}` and null say the same.
fn without_empty(values: &Value) -> Map<String, Value> {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let members = values.as_object().cloned().unwrap_or_default();
    members
        .into_iter()
        .filter(|(_, value)| !says_nothing(value))
        .collect()
}

fn differs(side: &str, what: &str, found: &Value, wanted: &Value) -> String {
    format!("{side} {what} {}, expected {}", short(found), short(wanted))
}

/// Enough to recognise it; some hold kilobytes of code.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(expected: Value, reproduced: Value) -> Result<Expected, ExpectedError> {
        Expected::read(
            serde_json::from_value(expected).unwrap(),
            serde_json::from_value(reproduced).unwrap(),
        )
    }

    #[test]
    fn a_side_is_compared_as_far_as_it_is_said() {
        let replace =
            |offset: u8| json!({"type": "replace", "reason": "library", "offset": offset});
        let stated = |level: Level| ExpectedSide::Stated {
            level,
            transformations: Some((
                vec![replace(1), replace(2)],
                json!({"libraries": {"a": "0x"}, "cborAuxdata": {}}),
            )),
        };
        let level_alone = ExpectedSide::Stated {
            level: Level::ExactMatch,
            transformations: None,
        };
        let found = |level: Value, values: Value| {
            json!({"runtimeMatch": level, "runtimeBytecode": {
                "transformations": [replace(2), replace(1)], "transformationValues": values}})
        };
        let good = json!({"libraries": {"a": "0x"}});
        for (side, document, differences) in [
            (stated(Level::Match), found(json!("match"), good.clone()), 0),
            (
                stated(Level::Any),
                found(json!("exact_match"), good.clone()),
                0,
            ),
            (stated(Level::Any), found(Value::Null, good.clone()), 1),
            (
                stated(Level::ExactMatch),
                found(json!("match"), good.clone()),
                1,
            ),
            (stated(Level::Match), found(json!("match"), json!({})), 1),
            (
                level_alone.clone(),
                found(json!("exact_match"), json!({})),
                0,
            ),
            (level_alone, found(json!("match"), json!({})), 1),
            (ExpectedSide::Null, found(Value::Null, Value::Null), 0),
            (ExpectedSide::Null, found(json!("match"), good.clone()), 1),
            (ExpectedSide::Open, found(Value::Null, Value::Null), 0),
            (
                ExpectedSide::Matched("match".to_owned()),
                found(json!("match"), good),
                0,
            ),
            (
                ExpectedSide::Matched("match".to_owned()),
                found(Value::Null, Value::Null),
                1,
            ),
        ] {
            let said = side.differences("runtime", &document);
            assert_eq!(said.len(), differences, "{side:?} {document}: {said:?}");
        }
    }

    #[test]
    fn transformations_are_compared_as_sets_with_repetition() {
        let replace = |offset: u8| json!({"type": "replace", "offset": offset});
        let once = ExpectedSide::Stated {
            level: Level::Any,
            transformations: Some((vec![replace(1)], Value::Null)),
        };
        let twice = json!({"runtimeMatch": "match", "runtimeBytecode": {"transformations": [replace(1), replace(1)]}});
        assert_eq!(once.differences("runtime", &twice).len(), 1);
    }

    #[test]
    fn a_deployment_is_known_by_the_submitted_transaction_or_not_at_all() {
        let known = json!({"deployment": {"transactionHash": "0xaa", "blockNumber": "1"}});
        let unknown = json!({"deployment": {"transactionHash": null, "blockNumber": null}});
        for (expected, submitted, found, is_met) in [
            (Deployment::Known, Some("0xaa"), &known, true),
            (Deployment::Known, Some("0xbb"), &known, false),
            (Deployment::Known, Some("0xaa"), &unknown, false),
            (Deployment::Known, None, &unknown, false),
            (Deployment::Unknown, Some("0xaa"), &unknown, true),
            (Deployment::Unknown, None, &known, false),
            (Deployment::Unknown, None, &json!({}), false),
        ] {
            let difference = expected.difference(submitted, found);
            assert_eq!(
                difference.is_none(),
                is_met,
                "{expected:?} {submitted:?} {found}: {difference:?}"
            );
        }
    }

    #[test]
    fn remarks_are_no_expectations_and_mistakes_are_errors() {
        let remark = json!({"match": true, "creation": "byte-identical"});
        assert_eq!(
            read(remark, json!({"creation": "match", "runtime": null})),
            Ok(Expected::Match {
                creation: ExpectedSide::Matched("match".to_owned()),
                runtime: ExpectedSide::Open,
                deployment: None,
            })
        );
        let levels = json!({"creation": null, "runtime": "match"});
        assert_eq!(
            read(levels, json!({"creation": "match"})),
            Ok(Expected::Match {
                creation: ExpectedSide::Null,
                runtime: ExpectedSide::Stated {
                    level: Level::Match,
                    transformations: None
                },
                deployment: None,
            })
        );
        let typo = json!({"creation": "exakt", "creationTransformations": []});
        let level = json!("exakt");
        let side = "creation";
        assert_eq!(
            read(typo, json!({})),
            Err(ExpectedError::Level { side, level })
        );
        let both = json!({"failure": "no_match", "runtime": null, "runtimeTransformations": null});
        assert_eq!(read(both, json!({})), Err(ExpectedError::FailureWithSides));
        let failure = read(json!({"failure": "no_match"}), json!({}));
        assert_eq!(failure, Ok(Expected::Failure("no_match".to_owned())));
    }
}
