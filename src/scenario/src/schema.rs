//! The JSON schema of a scenario file, for editors.

use serde_json::{Map, Value, json};

use crate::shape::{Kind, Shape};

/// The schema of files of this shape (draft 2020-12).
pub fn schema(shape: &'static Shape) -> Value {
    let mut defs = Map::new();
    let root = reference(shape, &mut defs);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": shape.name,
        "$ref": root,
        "$defs": defs,
    })
}

/// Where a shape stands among the definitions; it is put there when it is new.
fn reference(shape: &'static Shape, defs: &mut Map<String, Value>) -> String {
    let name = shape.name.replace(' ', "_");
    if !defs.contains_key(&name) {
        // Holds the place, should a shape hold itself.
        defs.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for field in shape.fields {
            let mut described = of(&field.kind, defs);
            if let Value::Object(object) = &mut described {
                object.insert("description".to_owned(), field.doc.into());
            }
            properties.insert(field.name.to_owned(), described);
        }
        let required: Vec<&str> = shape.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut object = json!({
            "type": "object",
            "description": shape.doc,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if !shape.one_of.is_empty() {
            let choices: Vec<Value> = shape.one_of.iter().map(|name| json!({"required": [name]})).collect();
            object["oneOf"] = json!(choices);
        }
        defs.insert(name.clone(), object);
    }
    format!("#/$defs/{name}")
}

fn of(kind: &Kind, defs: &mut Map<String, Value>) -> Value {
    match kind {
        Kind::Text | Kind::Path => json!({"type": ["string", "number"]}),
        Kind::Name => json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,47}$"}),
        Kind::Int(least, i64::MAX) => json!({"type": "integer", "minimum": least}),
        Kind::Int(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Size => json!({"type": ["string", "number"], "pattern": "^[0-9.]+ ?([KMGTkmgt]?([iI]?[bB])?)$"}),
        Kind::Time => json!({"type": ["string", "number"], "pattern": "^[0-9.]+ ?(us|ms|s|sec|m|min|h|d)?$"}),
        Kind::Percent => json!({"type": "string", "pattern": "^[0-9.]+ ?%$"}),
        Kind::Rate => json!({"type": "string", "pattern": "^[0-9.]+ ?[kmgKMG]?bit$"}),
        Kind::Cidr => json!({"type": "string", "pattern": "/[0-9]+$"}),
        Kind::Address => json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
        Kind::Mac => json!({"type": "string", "pattern": "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::List(item) => {
            let item = of(item, defs);
            json!({"anyOf": [{"type": "array", "items": item}, item]})
        }
        Kind::Map(item) => {
            let item = of(item, defs);
            json!({"type": "object", "additionalProperties": {"anyOf": [item, {"type": "null"}]}})
        }
        Kind::Shape(shape) => json!({"$ref": reference(shape, defs)}),
        Kind::Either(kinds) => {
            let kinds: Vec<Value> = kinds.iter().map(|kind| of(kind, defs)).collect();
            json!({"anyOf": kinds})
        }
        Kind::Any => json!({}),
    }
}
