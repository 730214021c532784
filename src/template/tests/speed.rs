//! Prints what renders cost (`cargo test --test speed -- --ignored --nocapture`, best with `--release`).

use std::sync::Arc;
use std::time::Instant;

use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

struct Vars(Map);

impl Variables for Vars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

fn text(template: &str) -> Value {
    Value::Text(Text::trusted(template))
}

#[test]
#[ignore = "measures, does not check"]
fn what_renders_cost() {
    let engine = Engine::new(EngineOptions::default());
    let mut vars = Map::new();
    vars.insert("inventory_hostname", "n1");
    vars.insert("work", text("/tmp/bench-{{ inventory_hostname }}"));
    vars.insert(
        "st",
        Value::Map([("stat", Value::Map([("exists", Value::Bool(true))].into_iter().collect()))].into_iter().collect()),
    );
    let scope = |vars: &Map| Scope::new(Arc::new(Vars(vars.clone())), Arc::new(Surroundings::default()));
    let time = |name: &str, times: u32, run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        for _ in 0..times {
            run();
        }
        println!("{name}: {:?}", start.elapsed() / times);
    };
    let render = |template: &Value, scope: &Scope| match engine.render(template, scope).unwrap() {
        Rendered::Value(value) => value,
        Rendered::Omit => Value::Null,
    };
    let base = scope(&vars);
    let name = text("{{ inventory_hostname }}");
    time("one name", 20_000, &mut || drop(render(&name, &base)));
    let path = text("{{ work }}/copy-1.txt");
    time("a path, new scope each time", 20_000, &mut || drop(render(&path, &scope(&vars))));
    time("a path, same scope", 20_000, &mut || drop(render(&path, &base)));
    let when = Value::Text(Text::trusted("st.stat.exists and inventory_hostname != 'x'"));
    time("a condition", 20_000, &mut || assert!(engine.condition(&when, &base).unwrap()));
    let service = text(
        "# {{ inventory_hostname }}\n{% for n in range(20) %}\n[section{{ n }}]\nname = {{ 'svc-%02d' % n }}\nenabled = {{ 'yes' if n % 2 == 0 else 'no' }}\n{% endfor %}\n",
    );
    time("20 sections in minijinja", 500, &mut || drop(render(&service, &base)));
    let rows = text("{{ range(2000) | map('string') | map('regex_replace', '^', 'n') | list }}");
    time("2000 rows", 10, &mut || drop(render(&rows, &base)));
    let made = render(&rows, &base);
    vars.insert("rows", made);
    let pairs = text("{{ dict(rows | zip(range(2000))) | dict2items | selectattr('value', 'gt', 1000) | list }}");
    let base = scope(&vars);
    time("pairs", 10, &mut || drop(render(&pairs, &base)));
    let made = render(&pairs, &base);
    vars.insert("pairs", made);
    let base = scope(&vars);
    let small = text("{{ item }}-{{ rows[item] }}-{{ pairs | length }}");
    time("500 small with an item each", 10, &mut || {
        for item in 0..500 {
            drop(render(&small, &base.with("item", Value::Int(item))));
        }
    });
}
