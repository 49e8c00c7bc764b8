//! Which operators of the graph the time goes to.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use serde_json::{Value, json};

use super::spread::milliseconds;
use crate::inspection::Step;

/// So many of the slowest nodes are shown to people; machines get all.
const SLOWEST: usize = 10;

/// The whole is a bar of so many blocks.
const BAR: f64 = 30.0;

/// What each of the graph's nodes took in the quickest of several runs, which nothing else disturbed; the slowest first.
pub(super) struct Profile {
    nodes: Vec<Step>,
}

impl Profile {
    /// Of at least one run of the same graph.
    pub(super) fn of(mut runs: Vec<Vec<Step>>) -> Self {
        let mut nodes = runs.pop().unwrap_or_default();
        for (place, node) in nodes.iter_mut().enumerate() {
            let others = runs.iter().filter_map(|run| Some(run.get(place)?.took));
            node.took = others.fold(node.took, Duration::min);
        }
        nodes.sort_by_key(|node| std::cmp::Reverse(node.took));
        Self { nodes }
    }

    pub(super) fn json(&self) -> Value {
        let operators = self.operators().into_iter().map(|(operator, count, took)| {
            json!({
                "operator": operator,
                "nodes": count,
                "milliseconds": milliseconds(took),
                "share": thousandths(self.share(took)),
            })
        });
        let nodes = self.nodes.iter().map(|node| {
            json!({
                "node": node.node,
                "operator": node.operator,
                "shapes": node.shapes,
                "milliseconds": milliseconds(node.took),
                "share": thousandths(self.share(node.took)),
            })
        });
        json!({"operators": operators.collect::<Vec<_>>(), "nodes": nodes.collect::<Vec<_>>()})
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, notes: &mut dyn Write) -> io::Result<()> {
        let operators = self.operators();
        let slowest = &self.nodes[..SLOWEST.min(self.nodes.len())];
        let names = operators.iter().map(|it| it.0).chain(slowest.iter().map(|it| &*it.operator));
        let width = names.map(str::len).max().unwrap_or_default().max("slowest nodes".len());
        writeln!(notes, "\n{:<width$}{:>7}{:>10}{:>9}", "operator", "nodes", "ms", "share")?;
        for (operator, count, took) in operators {
            let share = self.share(took);
            let bar = "█".repeat((share * BAR).round() as usize);
            let (ms, percent) = (milliseconds(took), share * 100.0);
            let row = format!("{operator:<width$}{count:>7}{ms:>10.3}{percent:>7.1} %  {bar}");
            writeln!(notes, "{}", row.trim_end())?;
        }
        writeln!(notes, "\n{:<width$}{:>17}{:>9}", "slowest nodes", "ms", "share")?;
        for Step { operator, node, shapes, took } in slowest {
            let (ms, percent) = (milliseconds(*took), self.share(*took) * 100.0);
            writeln!(notes, "{operator:<width$}{ms:>17.3}{percent:>7.1} %  {shapes}  {node}")?;
        }
        Ok(())
    }

    /// By kind: how many nodes, and what they took together; the slowest first.
    fn operators(&self) -> Vec<(&str, usize, Duration)> {
        let mut kinds: BTreeMap<&str, (usize, Duration)> = BTreeMap::new();
        for node in &self.nodes {
            let kind = kinds.entry(&node.operator).or_default();
            *kind = (kind.0 + 1, kind.1 + node.took);
        }
        let mut kinds: Vec<_> = kinds.into_iter().map(|(name, (count, took))| (name, count, took)).collect();
        kinds.sort_by_key(|(.., took)| std::cmp::Reverse(*took));
        kinds
    }

    fn share(&self, took: Duration) -> f64 {
        let all: Duration = self.nodes.iter().map(|node| node.took).sum();
        if all.is_zero() { 0.0 } else { took.div_duration_f64(all) }
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(operator: &str, node: &str, microseconds: u64) -> Step {
        let shapes = "1,1,8,8 > 1,1,8,8".to_owned();
        Step {
            operator: operator.to_owned(),
            node: node.to_owned(),
            shapes,
            took: Duration::from_micros(microseconds),
        }
    }

    #[test]
    fn operators_are_summed_over_the_best_of_their_nodes_and_the_slowest_comes_first() {
        let run = |a, b, c| vec![step("Add", "a", a), step("Conv", "b", b), step("Add", "c", c)];
        let profile = Profile::of(vec![run(100, 900, 150), run(300, 600, 100), run(100, 700, 200)]);
        let rows = profile.operators();
        let micros = Duration::from_micros;
        assert_eq!(rows, [("Conv", 1, micros(600)), ("Add", 2, micros(200))]);
        let json = profile.json();
        assert_eq!((&json["operators"][0]["share"], &json["nodes"][0]["node"]), (&json!(0.75), &json!("b")));
        let mut text = Vec::new();
        profile.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("75.0 %") && text.contains("1,1,8,8 > 1,1,8,8  b"), "{text}");
    }

    #[test]
    fn of_a_graph_without_nodes_there_is_nothing_to_tell() {
        assert_eq!(Profile::of(Vec::new()).json(), json!({"operators": [], "nodes": []}));
    }
}
