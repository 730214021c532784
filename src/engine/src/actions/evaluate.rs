//! `ansible._protomatter.debug`: the values of expressions, with what fails in them as words in its place. One of
//! ansible-core's own internals, there for playbooks that test templating.
//!
//! Options:
//! - `expression` (required): one expression or a list of them.

use async_trait::async_trait;
use rplay_value::{List, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible._protomatter.debug`
pub(crate) static ACTION: Evaluate = Evaluate;

/// Evaluates expressions.
pub(crate) struct Evaluate;

#[async_trait(?Send)]
impl Action for Evaluate {
    fn traits(&self) -> Traits {
        Traits { collection: "ansible._protomatter", ..Traits::new("debug") }
            .arguments(&["expression"])
            .unrendered(&["expression"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(given) = cx.args.get("expression").and_then(Value::as_list).cloned() else {
            return Err(Trouble::action("missing required arguments: expression"));
        };
        let mut results = Vec::with_capacity(given.len());
        let mut errors = 0;
        for expression in &given {
            let Value::Text(expression) = expression else {
                return Err(Trouble::action("Elements value for option 'expression' is not a string."));
            };
            results.push(match cx.run().engine().evaluate(expression, cx.scope) {
                Ok(value) => value,
                Err(error) => {
                    errors += 1;
                    let numbered = format!("error {errors} - {}", error.message());
                    cx.warn(format!("Encountered 1 template error.\n{numbered}"));
                    Value::from(format!("<< {numbered} >>"))
                }
            });
        }
        let mut done = Done::default().with("expression_result", List::from(results)).with("changed", false);
        done.verbose_always = true;
        Ok(done)
    }
}
