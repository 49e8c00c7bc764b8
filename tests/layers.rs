//! The agent's modules stand in layers: a stage imports only what stands before it in `lib.rs`, and no two modules need
//! each other.
//!
//! Modules are files. A module needs another if it names it, or anything that is defined in it, by whatever path; a name
//! that a parent hands on (`pub use child::Name`) counts for the child that defines it. Tests may name what they like.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{Item, UseTree, visit::Visit};

/// `["items", "passing"]` for `src/items/passing.rs`; empty for `lib.rs`.
type Module = Vec<String>;

const VAGUE: [&str; 5] = ["utils", "common", "helpers", "manager", "base"];

#[test]
fn the_agents_modules_stand_in_layers_without_a_circle() {
    let mut sources = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut Vec::new(), &mut sources);
    assert!(sources.len() > 40, "only {} modules were found", sources.len());
    let faults = faults(&sources);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_other_crate_has_a_circle() {
    for crate_folder in [
        "azure/telemetry",
        "azure/defect-mailer",
        "local/iothub-standin",
        "local/functions-host",
        "local/demo",
        "convolution",
    ] {
        let mut sources = BTreeMap::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        read(&root.join(crate_folder).join("src"), &mut Vec::new(), &mut sources);
        assert!(sources.len() > 2, "only {} modules were found in {crate_folder}", sources.len());
        let circles: Vec<_> = faults(&sources).into_iter().filter(|it| it.starts_with("a circle")).collect();
        assert!(circles.is_empty(), "{crate_folder}:\n{}", circles.join("\n"));
    }
}

#[test]
fn an_import_against_the_layers_is_found() {
    let found = |camera: &str, items: &str| {
        faults_of(&[
            ("", "pub mod camera; pub mod items; pub mod config;"),
            ("camera", camera),
            ("items", items),
            ("config", ""),
        ])
    };
    assert_eq!(found("", "use crate::camera::Frame;"), [] as [&str; 0]);
    for source in [
        "use crate::items::Item;",
        "use crate::{items, other};",
        "fn f() { crate::items::judge(); }",
        "mod inner { use super::super::items::Item; }",
    ] {
        let faults = found(source, "");
        assert!(faults.iter().any(|it| it.contains("camera needs items")), "{source}: {faults:?}");
    }
    assert_eq!(found("#[cfg(test)] mod tests { use crate::items::Item; }", ""), [] as [&str; 0]);
    assert!(found("", "use crate::config::Config;")[0].contains("items needs config"));
}

#[test]
fn a_circle_is_found_also_through_a_name_that_a_parent_hands_on() {
    let circle = faults_of(&[
        ("", "pub mod a;"),
        ("a", "mod x; mod y; pub use x::X; pub use y::Y;"),
        ("a::x", "use super::Y; pub struct X(Y);"),
        ("a::y", "use crate::a::X; pub struct Y(X);"),
    ]);
    assert!(circle.iter().any(|it| it.contains("circle")), "{circle:?}");
    let parent = faults_of(&[
        ("", "pub mod a;"),
        ("a", "mod x; use x::X; pub struct A(X);"),
        ("a::x", "use super::A; pub struct X(A);"),
    ]);
    assert!(parent.iter().any(|it| it.contains("circle")), "{parent:?}");
    let tree = [
        ("", "pub mod a;"),
        ("a", "mod x; pub use x::X; pub struct A;"),
        ("a::x", "use super::A; pub struct X(A);"),
    ];
    assert_eq!(faults_of(&tree), [] as [&str; 0]);
}

#[test]
fn a_vague_name_is_found() {
    assert!(faults_of(&[("", "pub mod utils;"), ("utils", "")])[0].contains("utils"));
}

fn faults_of(sources: &[(&str, &str)]) -> Vec<String> {
    let module =
        |path: &str| path.split("::").filter(|it| !it.is_empty()).map(str::to_owned).collect::<Module>();
    faults(&sources.iter().map(|(path, source)| (module(path), (*source).to_owned())).collect())
}

/// Reads the sources under a folder, without test files.
fn read(folder: &Path, at: &mut Module, sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let depth = at.len();
        if path.is_dir() && name != "tests" {
            at.push(name);
            read(&path, at, sources);
        } else if path.extension().is_some_and(|it| it == "rs") && name != "tests" && name != "main" {
            at.extend((name != "mod" && name != "lib").then_some(name));
            sources.insert(at.clone(), fs::read_to_string(&path).unwrap());
        }
        at.truncate(depth);
    }
}

fn faults(sources: &BTreeMap<Module, String>) -> Vec<String> {
    let modules: BTreeMap<Module, Names> = sources
        .iter()
        .map(|(module, source)| (module.clone(), Names::of(module, &syn::parse_file(source).unwrap())))
        .collect();
    let needs: BTreeMap<&Module, BTreeSet<Module>> =
        modules.keys().map(|module| (module, needed_by(module, &modules))).collect();
    let order = modules.get(&Vec::new()).map(|root| root.stages.clone()).unwrap_or_default();
    let rank = |module: &Module| module.first().and_then(|stage| order.iter().position(|it| it == stage));

    let mut faults = Vec::new();
    for (module, needed) in &needs {
        if let Some(vague) = module.iter().find(|it| VAGUE.contains(&it.as_str())) {
            faults.push(format!("{} says nothing: {vague}", module.join("::")));
        }
        for other in needed {
            if rank(module) < rank(other) && !module.is_empty() {
                faults.push(format!(
                    "{} needs {}, which stands after it",
                    module.join("::"),
                    other.join("::")
                ));
            }
        }
    }
    for module in needs.keys() {
        let mut way = vec![(*module).clone()];
        if returns(&needs, module, module, &mut way, &mut BTreeSet::new()) {
            let way: Vec<_> = way.iter().map(|it| it.join("::")).collect();
            faults.push(format!("a circle: {}", way.join(" needs ")));
        }
    }
    faults
}

/// Whether a way along needs leads from `at` back to `goal`; it is left in `way`.
fn returns(
    needs: &BTreeMap<&Module, BTreeSet<Module>>,
    at: &Module,
    goal: &Module,
    way: &mut Vec<Module>,
    seen: &mut BTreeSet<Module>,
) -> bool {
    for next in needs.get(at).into_iter().flatten() {
        way.push(next.clone());
        if next == goal || (seen.insert(next.clone()) && returns(needs, next, goal, way, seen)) {
            return true;
        }
        way.pop();
    }
    false
}

/// What one module names.
#[derive(Default)]
struct Names {
    /// Of `lib.rs`: the stages in their order.
    stages: Vec<String>,
    /// Absolute paths of `use`, which bind a name here; with whether it is handed on.
    uses: Vec<(Vec<String>, String, bool)>,
    /// Paths in the code as written, with the module in which they stand.
    paths: Vec<(Module, Vec<String>)>,
    here: Module,
}

impl Names {
    fn of(module: &Module, file: &syn::File) -> Self {
        let mut names = Self { here: module.clone(), ..Self::default() };
        names.visit_file(file);
        names
    }

    fn add_use(&mut self, tree: &UseTree, path: &mut Vec<String>, is_public: bool) {
        let mut bind = |path: &[String], name: String| {
            let absolute = absolute(&self.here, path).unwrap_or_else(|| path.to_vec());
            self.uses.push((absolute, name, is_public));
        };
        match tree {
            UseTree::Path(it) => {
                path.push(it.ident.to_string());
                self.add_use(&it.tree, path, is_public);
                path.pop();
            }
            UseTree::Group(it) => it.items.iter().for_each(|tree| self.add_use(tree, path, is_public)),
            UseTree::Glob(_) => bind(path, "*".to_owned()),
            UseTree::Name(it) => {
                let name = it.ident.to_string();
                let mut full = path.clone();
                full.extend((name != "self").then(|| name.clone()));
                let bound = full.last().cloned().unwrap_or_default();
                bind(&full, bound);
            }
            UseTree::Rename(it) => {
                let full: Vec<_> = path.iter().cloned().chain([it.ident.to_string()]).collect();
                bind(&full, it.rename.to_string());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(it) => &it.attrs,
            Item::Use(it) => &it.attrs,
            Item::Fn(it) => &it.attrs,
            Item::Impl(it) => &it.attrs,
            _ => &Vec::new(),
        };
        if attributes.iter().any(is_for_tests) {
            return;
        }
        match item {
            Item::Mod(it) if it.content.is_none() => self.stages.push(it.ident.to_string()),
            Item::Mod(it) => {
                self.here.push(it.ident.to_string());
                syn::visit::visit_item_mod(self, it);
                self.here.pop();
            }
            Item::Use(it) => {
                let is_public = !matches!(it.vis, syn::Visibility::Inherited);
                self.add_use(&it.tree, &mut Vec::new(), is_public);
            }
            _ => syn::visit::visit_item(self, item),
        }
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(super)` needs nothing of the parent.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.paths.push((self.here.clone(), segments));
        syn::visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

/// From the crate's root; `None` for a path that begins with a name.
fn absolute(here: &Module, path: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|it| *it == "super").count();
    let rest = match path.first()?.as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "self" => return Some(here.iter().chain(&path[1..]).cloned().collect()),
        "super" => &path[ups..],
        _ => return None,
    };
    Some(here[..here.len().saturating_sub(ups)].iter().chain(rest).cloned().collect())
}

fn needed_by(module: &Module, modules: &BTreeMap<Module, Names>) -> BTreeSet<Module> {
    let names = &modules[module];
    let mentioned: BTreeSet<&String> = names.paths.iter().filter_map(|(_, path)| path.first()).collect();
    let mut needed = BTreeSet::new();
    for (path, name, is_handed_on) in &names.uses {
        // What is only handed on is needed by those who take it.
        if !is_handed_on || mentioned.contains(name) {
            needed.extend(home_of(path, module, modules, 0));
        }
    }
    for (here, path) in &names.paths {
        let own = absolute(here, path).or_else(|| {
            let child: Module = module.iter().chain(path.first()).cloned().collect();
            (path.len() > 1 && modules.contains_key(&child))
                .then(|| module.iter().chain(path).cloned().collect())
        });
        needed.extend(own.and_then(|own| home_of(&own, module, modules, 0)));
    }
    needed.remove(module);
    needed
}

/// The module in which the thing at a path is defined; `None` for what is not of this crate.
fn home_of(path: &[String], from: &Module, modules: &BTreeMap<Module, Names>, depth: u32) -> Option<Module> {
    let local: Vec<String> = from.iter().chain(path).cloned().collect();
    let is_ours =
        |path: &[String]| path.first().is_some_and(|it| modules.contains_key(std::slice::from_ref(it)));
    let path = if is_ours(path) || depth > 8 { path } else { &local };
    let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    if module == from.as_slice() && rest.is_empty() {
        return None;
    }
    let handed_on = rest.first().and_then(|name| {
        let names = modules.get(module)?;
        let (to, ..) = names.uses.iter().find(|(_, bound, is_public)| *is_public && bound == name)?;
        Some(to.clone())
    });
    match handed_on {
        Some(to) if depth < 8 => home_of(&to, &module.to_vec(), modules, depth + 1),
        _ if module.is_empty() => None,
        _ => Some(module.to_vec()),
    }
}
