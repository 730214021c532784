//! Renders what inventories of plugins hold: expressions and templates over a host's variables.

use std::sync::Arc;

use rplay_inventory::Templates;
use rplay_template::{Engine, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

/// Renders with an engine.
pub(crate) struct Composer {
    pub(crate) engine: Engine,
    /// Variables of the command line.
    pub(crate) extra: Map,
}

struct Layer(Map);

impl Variables for Layer {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

impl Composer {
    fn scope(&self, mut vars: Map, extra: bool) -> Scope {
        if extra {
            vars.extend(self.extra.clone());
        }
        Scope::new(Arc::new(Layer(vars)), Arc::new(Surroundings::default()))
    }
}

impl Templates for Composer {
    fn expression(&self, expression: &Value, vars: Map, extra: bool) -> Result<Value, String> {
        let Value::Text(text) = expression else { return Ok(expression.clone()) };
        let found = self.engine.evaluate(&Text::trusted(text.as_str().to_owned()), &self.scope(vars, extra));
        found.map_err(|error| error.message().to_owned())
    }

    fn text(&self, template: &Value, vars: Map, extra: bool) -> Result<String, String> {
        match self.engine.render(template, &self.scope(vars, extra)) {
            Ok(Rendered::Value(value)) => Ok(value.to_str().into_owned()),
            Ok(Rendered::Omit) => Ok(String::new()),
            Err(error) => Err(error.message().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rplay_template::EngineOptions;

    use super::*;

    #[test]
    fn expressions_and_templates_see_the_variables() {
        let extra = Map::from_iter([("b", Value::from(2))]);
        let composer = Composer { engine: Engine::new(EngineOptions::default()), extra };
        let vars = || Map::from_iter([("a", Value::from("x"))]);
        assert_eq!(composer.expression(&Value::from("a ~ 'y'"), vars(), false).unwrap(), Value::from("xy"));
        assert_eq!(composer.expression(&Value::from("b + 1"), vars(), true).unwrap(), Value::from(3));
        assert!(composer.expression(&Value::from("b + 1"), vars(), false).is_err());
        let template = Value::Text(Text::trusted("is {{ a }}".to_owned()));
        assert_eq!(composer.text(&template, vars(), false).unwrap(), "is x");
    }
}
