//! The optimizer's settings as metadata has them.

use serde_json::{Map, Value};

/// The same settings, said without the inliner.
///
/// Such a release runs the inliner exactly if the optimizer is enabled. Metadata that goes into details
/// does not say whether it is, so that the inliner's own word is the only one left: solc begins with all
/// or nothing enabled, and then goes through the details.
pub(super) fn without_inliner(settings: &mut Map<String, Value>) {
    let Some(optimizer) = settings.get_mut("optimizer").and_then(Value::as_object_mut) else {
        return;
    };
    let details = optimizer.get_mut("details").and_then(Value::as_object_mut);
    let inliner = details.and_then(|details| details.remove("inliner"));
    if inliner == Some(Value::Bool(true)) {
        optimizer.entry("enabled").or_insert(Value::Bool(true));
    }
}
