//! The settings as Terraform has them: the defaults of `sizes.tf`, and a file of variables over them.
//!
//! A field that this model asks for and Terraform does not have is an error, and so is one of a file of variables that no default names
//! (Terraform itself drops those without a word).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use hcl::{Body, Expression};

use crate::inputs::Settings;

/// Values by variable and field; the field of a variable that is no object is "".
#[derive(Debug, Default)]
struct Variables(BTreeMap<String, BTreeMap<String, Expression>>);

/// Puts the sizes of a file of variables in the place of the input's.
pub(crate) fn apply(settings: &mut Settings, values: &Path) -> Result<()> {
    let sizes = values.with_file_name("sizes.tf");
    let mut variables = Variables::default();
    variables.read_defaults(&read(&sizes)?);
    variables
        .read_values(&read(values)?)
        .with_context(|| format!("{} does not fit {}", values.display(), sizes.display()))?;
    variables
        .set(settings)
        .with_context(|| format!("{} does not say all", sizes.display()))?;
    settings.check()
}

fn read(path: &Path) -> Result<Body> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    hcl::parse(&text).with_context(|| format!("{} is no HCL", path.display()))
}

impl Variables {
    fn read_defaults(&mut self, body: &Body) {
        for block in body
            .blocks()
            .filter(|block| block.identifier() == "variable")
        {
            let Some(name) = block.labels().first() else {
                continue;
            };
            let fields = self.0.entry(name.as_str().to_owned()).or_default();
            for attribute in block.body().attributes() {
                match (attribute.key(), attribute.expr()) {
                    ("type", Expression::FuncCall(object)) => {
                        let shapes = object.args.first();
                        fields.extend(shapes.map(defaults_of_fields).unwrap_or_default());
                    }
                    ("default", Expression::Object(_)) => {}
                    ("default", value) => {
                        fields.insert(String::new(), value.clone());
                    }
                    _ => {}
                }
            }
        }
    }

    fn read_values(&mut self, body: &Body) -> Result<()> {
        for attribute in body.attributes() {
            // Names, passwords and the like stand elsewhere, and change no size.
            let Some(fields) = self.0.get_mut(attribute.key()) else {
                continue;
            };
            let Expression::Object(object) = attribute.expr() else {
                fields.insert(String::new(), attribute.expr().clone());
                continue;
            };
            for (key, value) in object {
                let key = key.to_string();
                ensure!(
                    fields.contains_key(&key),
                    "{} has no field {key}",
                    attribute.key()
                );
                fields.insert(key, value.clone());
            }
        }
        Ok(())
    }

    fn set(&self, settings: &mut Settings) -> Result<()> {
        let concurrency = self.whole("verifier", "concurrency")?;
        ensure!(
            concurrency == 1,
            "verifier.concurrency is {concurrency}: the model knows instances with one job only"
        );
        settings.verifier_min_instances = self.whole("verifier", "min_instances")?;
        settings.verifier_max_instances = self.whole("verifier", "max_instances")?;
        settings.verifier_vcpu = self.whole("verifier", "cpu")?;
        settings.verifier_memory_gib = f64::from(self.whole("verifier", "memory_mib")?) / 1024.0;
        settings.verifier_connections = self.whole("verifier", "database_connections")?;
        settings.public_min_instances = self.whole("public_api", "min_instances")?;
        settings.public_max_instances = self.whole("public_api", "max_instances")?;
        settings.public_vcpu = self.whole("public_api", "cpu")?;
        settings.public_memory_gib = f64::from(self.whole("public_api", "memory_mib")?) / 1024.0;
        settings.public_concurrency = self.whole("public_api", "concurrency")?;
        // One listens for the ends of jobs.
        settings.public_connections = self.whole("public_api", "database_connections")? + 1;
        // As settings.tf computes it.
        settings.dispatches_at_once = settings.verifier_max_instances;
        settings.traced_part = self.number("", "traced_part")?;
        settings.database_storage_gib = f64::from(self.whole("database", "disk_gib")?);
        settings.database_is_regional = match self.value("database", "regional")? {
            Expression::Bool(is_regional) => *is_regional,
            other => bail!("database.regional is {other}, not true or false"),
        };
        let tier = self.value("database", "tier")?.to_string();
        let sizes = tier.trim_matches('"').strip_prefix("db-custom-");
        let (vcpu, mib) = sizes
            .and_then(|sizes| sizes.split_once('-'))
            .with_context(|| {
                format!("database.tier is {tier}, not db-custom-PROCESSORS-MEBIBYTES")
            })?;
        settings.database_vcpu = vcpu.parse().with_context(|| tier.clone())?;
        settings.database_memory_gib = mib.parse::<f64>().with_context(|| tier.clone())? / 1024.0;
        Ok(())
    }

    fn value(&self, variable: &str, field: &str) -> Result<&Expression> {
        let value = match variable {
            "" => self.0.get(field).and_then(|fields| fields.get("")),
            variable => self.0.get(variable).and_then(|fields| fields.get(field)),
        };
        value.with_context(|| format!("there is no {variable}.{field}"))
    }

    fn number(&self, variable: &str, field: &str) -> Result<f64> {
        let value = self.value(variable, field)?;
        let Expression::Number(number) = value else {
            bail!("{variable}.{field} is {value}, not a number");
        };
        number
            .as_f64()
            .with_context(|| format!("{variable}.{field} is {number}"))
    }

    fn whole(&self, variable: &str, field: &str) -> Result<u32> {
        let value = self.value(variable, field)?;
        value
            .to_string()
            .parse()
            .with_context(|| format!("{variable}.{field} is {value}, not a whole number"))
    }
}

/// `{ cpu = optional(number, 2) }`: the last argument is the default.
fn defaults_of_fields(shapes: &Expression) -> BTreeMap<String, Expression> {
    let Expression::Object(shapes) = shapes else {
        return BTreeMap::new();
    };
    let default = |shape: &Expression| match shape {
        Expression::FuncCall(optional) if optional.args.len() == 2 => optional.args.last().cloned(),
        _ => None,
    };
    shapes
        .iter()
        .filter_map(|(key, shape)| Some((key.to_string(), default(shape)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::tests::ours;

    const SIZES: &str = r#"
variable "public_api" {
  type = object({
    min_instances = optional(number, 2)
    max_instances = optional(number, 6)
    concurrency   = optional(number, 50)
    cpu           = optional(number, 1)
    memory_mib    = optional(number, 768)
    database_connections = optional(number, 4)
  })
  default = {}
}
variable "verifier" {
  type = object({
    min_instances = optional(number, 0)
    max_instances = optional(number, 7)
    concurrency   = optional(number, 1)
    cpu           = optional(number, 4)
    memory_mib    = optional(number, 2048)
    database_connections = optional(number, 3)
  })
  default = {}
  validation {
    condition     = var.verifier.max_instances >= 1
    error_message = "no"
  }
}
variable "database" {
  type = object({
    tier     = optional(string, "db-custom-4-15360")
    regional = optional(bool, false)
    disk_gib = optional(number, 30)
  })
}
variable "traced_part" {
  type    = number
  default = 1
}
"#;

    fn variables(values: &str) -> Result<Settings> {
        let mut variables = Variables::default();
        variables.read_defaults(&hcl::parse(SIZES).unwrap());
        variables.read_values(&hcl::parse(values).unwrap())?;
        let mut settings = ours().settings;
        variables.set(&mut settings)?;
        Ok(settings)
    }

    #[test]
    fn sizes_come_from_defaults_and_from_values_over_them() {
        let settings =
            variables("verifier = { max_instances = 9 }\ntraced_part = 0.25\nenvironment = \"x\"")
                .unwrap();
        let wanted = Settings {
            verifier_min_instances: 0,
            verifier_max_instances: 9,
            verifier_vcpu: 4,
            verifier_memory_gib: 2.0,
            verifier_connections: 3,
            public_min_instances: 2,
            public_max_instances: 6,
            public_vcpu: 1,
            public_memory_gib: 0.75,
            public_concurrency: 50,
            public_connections: 5,
            dispatches_at_once: 9,
            traced_part: 0.25,
            database_vcpu: 4,
            database_memory_gib: 15.0,
            database_storage_gib: 30.0,
            database_is_regional: false,
            ..ours().settings
        };
        assert_eq!(settings, wanted);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (values, says) in [
            ("verifier = { max_instance = 9 }", "no field max_instance"),
            (
                "verifier = { max_instances = \"many\" }",
                "not a whole number",
            ),
            ("verifier = { max_instances = 1.5 }", "not a whole number"),
            ("verifier = { concurrency = 2 }", "one job only"),
            ("database = { tier = \"db-f1-micro\" }", "db-custom"),
            ("database = { regional = 1 }", "true or false"),
            ("traced_part = true", "not a number"),
        ] {
            let error = variables(values).unwrap_err().to_string();
            assert!(error.contains(says), "{values}: {error}");
        }
    }

    /// Without Terraform's files the model says the same as with them.
    #[test]
    fn our_inputs_are_productions() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let mut settings = ours().settings;
        apply(&mut settings, &root.join("terraform/production.tfvars")).unwrap();
        assert_eq!(settings, ours().settings);
    }
}
